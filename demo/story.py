"""The story of the demo, chat by chat.

A scene begins `days` before now at a local time, or `minutes` before now. Its lines follow each
other at the pace at which people type.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from demo import papers, pictures
from demo.cast import ME, PEOPLE


@dataclass(frozen=True)
class Say:
    who: str
    text: str
    mark: str = ""  # the name by which a reply refers to it
    to: str = ""  # the mark of the message that it replies to
    was: str = ""  # the text before it was edited


@dataclass(frozen=True)
class Recalled:
    who: str
    text: str


@dataclass(frozen=True)
class Picture:
    who: str
    draw: Callable[[], bytes]
    caption: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Voice:
    who: str
    seconds: float


@dataclass(frozen=True)
class Place:
    who: str
    name: str
    address: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Paper:
    who: str
    name: str
    write: Callable[[], bytes]


@dataclass(frozen=True)
class Joins:
    who: str


@dataclass(frozen=True)
class Brings:
    who: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class Renames:
    who: str
    name: str


@dataclass(frozen=True)
class Appoints:
    who: str
    other: str


Line = Say | Recalled | Picture | Voice | Place | Paper | Joins | Brings | Renames | Appoints


@dataclass(frozen=True)
class Scene:
    lines: Sequence[Line]
    days: int = 0  # before today, at `at`
    at: str = ""  # "19:40"
    minutes: int = 0  # before now, without `days`


@dataclass(frozen=True)
class Chat:
    scenes: Sequence[Scene]
    #: The people with unread messages, and their number.
    behind: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Group(Chat):
    name: str = ""
    emblem: str = ""
    owner: str = ME
    members: Sequence[str] = ()
    is_closed: bool = False
    is_pinned: bool = False  # by ME
    is_muted: bool = False


@dataclass(frozen=True)
class Pair(Chat):
    one: str = ME
    other: str = ""


TRIP = Group(
    name="黄山周末 Weekend Trip",
    emblem="mountain",
    is_pinned=True,
    owner="maya",
    members=(ME, "wang", "tom"),
    scenes=[
        Scene(
            days=12,
            at="20:10",
            lines=[
                Say("maya", "How about Huangshan on the last weekend of the month? 🏔️"),
                Say(ME, "我一直想去看日出！算我一个"),
                Say("wang", "我也去。周六早上走，周日晚上回？"),
                Say("tom", "Count me in. Two days is perfect"),
                Brings("maya", ("sofia",)),
                Say("sofia", "Ciao! I have never seen it, so yes, yes, yes"),
            ],
        ),
        Scene(
            days=5,
            at="12:32",
            lines=[
                Paper("tom", "黄山周末 Itinerary.pdf", papers.itinerary),
                Say("tom", "Trains are on it. Coach 7, if you still have to book", mark="trains"),
                Say(ME, "买好了，车厢 7。要带厚外套吗？", mark="coat", to="trains"),
                Say(
                    "maya",
                    "Yes! It will be 6 °C on the summit before sunrise. Forecast: https://example.com/huangshan",
                    to="coat",
                    was="Yes! It will be 16 °C on the summit before sunrise. Forecast: https://example.com/huangshan",
                ),
                Say("wang", "那我多带一件羽绒服，谁需要可以借"),
                Say("sofia", "Me, please! I only have an Italian winter coat 😅"),
                Recalled("wang", "房费每人 380，转我就行"),
                Say(ME, "我负责早餐：包子、豆浆、茶叶蛋"),
                Say("tom", "Deal. I bring coffee ☕ and the camera"),
            ],
        ),
        Scene(
            days=1,
            at="05:52",
            lines=[
                Place(ME, "光明顶 Bright Summit", "安徽省黄山市黄山风景区", 30.1337, 118.1683),
                Say("sofia", "😍"),
                Voice("wang", 11.5),
                Picture("maya", pictures.sunrise, "5:48, exactly as promised 🌄", mark="sunrise"),
            ],
        ),
        Scene(
            minutes=52,
            lines=[
                Say("tom", "Worth every single one of those steps. Legs: gone. Photos: 412", to="sunrise"),
                Say(ME, "腿已经不是我的了😂 下次去乌镇？"),
                Say("maya", "乌镇 +1，等春天吧 🌸"),
            ],
        ),
    ],
    behind={"sofia": 2},
)

PRODUCT = Group(
    name="产品组 Product",
    emblem="bars",
    owner=ME,
    members=("maya", "wei", "zhao", "priya"),
    is_closed=True,
    scenes=[
        Scene(
            days=9,
            at="10:05",
            lines=[
                Say(ME, "大家早，这个群以后专门聊产品。导入功能这周定方案"),
                Brings(ME, ("lucas",)),
                Appoints(ME, "maya"),
                Say("lucas", "Hello everyone! Happy to be here"),
                Say("priya", "Welcome Lucas 👋 docs are pinned in the wiki, ask me anything"),
                Say("wei", "欢迎！下午三点会议室 5A，一起过一遍"),
            ],
        ),
        Scene(
            days=6,
            at="16:20",
            lines=[
                Picture("wei", pictures.whiteboard, "今天白板上的结论，先拍下来", mark="board"),
                Say("priya", "Can we keep the preview step optional? Power users will skip it", to="board"),
                Say("zhao", "我觉得默认打开，设置里可以关"),
                Say(ME, "同意一鸣。默认预览，可以关掉"),
                Paper("maya", "weekly-notes.md", papers.minutes),
            ],
        ),
        Scene(
            days=2,
            at="11:41",
            lines=[
                Paper("priya", "Q4 预算 budget.csv", papers.budget),
                Say(ME, "省下不少！周四上线之后再看一次", was="省下不少！周三上线之后再看一次"),
                Picture("maya", pictures.chart, "Best week so far: 783 sign-ups 🎉"),
            ],
        ),
        Scene(
            minutes=34,
            lines=[
                Say("zhao", "导入 v2 已经在测试环境了，大家可以试"),
                Say("lucas", "Tried it with 20,000 rows: 11 seconds, and the three bad rows were explained nicely"),
                Say("priya", "Then Thursday 10:00 stands. I will prepare the rollback plan"),
            ],
        ),
    ],
    behind={ME: 3, "maya": 1, "wei": 3},
)

BOOKS = Group(
    name="读书会 Book Club",
    emblem="book",
    owner="jiayi",
    members=(ME, "tom", "hana"),
    scenes=[
        Scene(
            days=13,
            at="21:15",
            lines=[
                Say("jiayi", "这个月读《边城》，英文版叫 Border Town，周五晚上聊前三章"),
                Say("tom", "Found a translation at the library. The ferry, the dog, the river: lovely"),
                Joins("amina"),
                Say("amina", "مساء الخير! May I read along in English?"),
                Say("jiayi", "Of course, welcome! 🌷"),
            ],
        ),
        Scene(
            days=4,
            at="19:02",
            lines=[
                Say("hana", "第二章的端午节写得真好，像看电影一样"),
                Say(ME, "“我要个能听我唱歌的情人”那段我读了两遍", mark="song"),
                Say("tom", "That line did not survive my translation. What does it say?", to="song"),
                Say(ME, "Roughly: I want a love who will listen to me sing", to="song"),
                Say("amina", "💚"),
            ],
        ),
        Scene(
            days=1,
            at="20:48",
            lines=[
                Say("tom", "Chapter 4 for Friday?"),
                Say("jiayi", "可以，我带点心 🥮"),
                Place("jiayi", "猫的天空之城", "杭州市拱墅区大兜路 128 号", 30.3052, 120.1346),
            ],
        ),
    ],
)

DINNER = Group(
    name="周五晚饭 Friday Dinner",
    emblem="bowl",
    owner="wang",
    members=(ME, "jiayi", "sofia", "lucas"),
    scenes=[
        Scene(
            days=8,
            at="18:30",
            lines=[
                Say("wang", "这周五老地方？"),
                Say("jiayi", "老地方 +1，想吃饺子"),
                Say("sofia", "Dumplings! I bring tiramisù for everyone"),
                Renames("wang", "周五晚饭 Dumpling Friday 🥟"),
            ],
        ),
        Scene(
            days=3,
            at="19:26",
            lines=[
                Picture("jiayi", pictures.dumplings, "三鲜馅，快来，要凉了"),
                Say(ME, "堵在中河高架上，给我留几个😭"),
                Voice("sofia", 6.2),
                Say("lucas", "I am guarding the last plate. No promises."),
                Place("wang", "外婆家（湖滨店）", "杭州市上城区湖滨路 3 号", 30.2547, 120.1612),
                Say(ME, "到了！五分钟"),
            ],
        ),
    ],
)

BADMINTON = Group(
    name="羽毛球 Badminton",
    emblem="shuttle",
    owner="zhao",
    members=(ME, "wei", "lucas", "wang"),
    is_muted=True,
    scenes=[
        Scene(
            days=10,
            at="12:00",
            lines=[
                Say("zhao", "周三晚上 7 点，体育馆 3 号场，还差一个人"),
                Say(ME, "这周我可以"),
                Say("lucas", "Me too, but I have no racket"),
                Say("wei", "我有两支，借你一支 🏸", was="我有三支，借你一支 🏸"),
            ],
        ),
        Scene(
            days=3,
            at="21:40",
            lines=[
                Say("wei", "今天打得爽！一鸣最后那个球绝了"),
                Say(ME, "哈哈下周再战"),
            ],
        ),
        Scene(
            minutes=171,
            lines=[
                Picture("zhao", pictures.court, "订到了！还是 3 号场"),
                Say("lucas", "Bought my own racket 💪 no more excuses"),
                Say("wang", "这周我膝盖不行，替我多打几个"),
                Say("wei", "收到，好好休息"),
                Say("lucas", "Who brings shuttlecocks?"),
                Say("zhao", "我带一筒新的"),
                Say("lucas", "🏸🏸🏸"),
            ],
        ),
    ],
    behind={ME: 7, "wang": 1},
)

EVERYONE = Group(
    name="大家 Everyone",
    emblem="balloon",
    owner="priya",
    members=(ME, "maya", "wang", "tom", "jiayi", "sofia", "wei", "amina", "hana", "zhao"),
    scenes=[
        Scene(
            days=14,
            at="09:00",
            lines=[
                Say("priya", "Good morning! This is the place for what concerns everybody 📣"),
                Say("priya", "大家好，跟所有人有关的事情发在这里"),
                Say("hana", "よろしくお願いします 🙇‍♀️"),
            ],
        ),
        Scene(
            days=7,
            at="17:45",
            lines=[
                Joins("lucas"),
                Say("priya", "The kitchen on floor 5 has a new coffee machine. Please be gentle with her."),
                Say("wei", "终于！！！"),
                Say("sofia", "I will give a free espresso lesson tomorrow at 10 ☕"),
                Say("amina", "شكرا صوفيا!"),
                Say("tom", "👏"),
            ],
        ),
        Scene(
            minutes=8,
            lines=[
                Say("priya", "周四 10:00 上线，9:50 之后请不要合并代码"),
                Say("priya", "Release on Thursday at 10:00. No merges after 9:50, please"),
            ],
        ),
    ],
    behind={ME: 2, "wang": 2, "tom": 1, "hana": 2, "amina": 2},
)

MAYA = Pair(
    other="maya",
    scenes=[
        Scene(
            days=6,
            at="22:14",
            lines=[
                Say("maya", "Did you see the sunrise times I sent?"),
                Say(ME, "看到啦！5:48 日出，我们 4:30 出发就行"),
                Say("maya", "4:30 … I will need so much coffee"),
                Say(ME, "Tom 说他带 😄"),
            ],
        ),
        Scene(
            days=1,
            at="18:05",
            lines=[
                Say("maya", "Home safe?"),
                Say(ME, "刚到家，倒在沙发上了"),
                Picture("maya", pictures.lake, "Took the long way home"),
                Say(ME, "太美了，西湖？", mark="where"),
                Say("maya", "Yes, by Su Causeway, ten minutes after sunset", to="where"),
                Place("maya", "苏堤 Su Causeway", "杭州市西湖区", 30.2441, 120.1379),
            ],
        ),
        Scene(
            minutes=19,
            lines=[
                Say("maya", "Can you look at the release notes before I send them?"),
                Say(ME, "好，十分钟后给你"),
                Say("maya", "谢谢 🙏"),
            ],
        ),
    ],
)

WANG = Pair(
    other="wang",
    scenes=[
        Scene(
            days=4,
            at="13:20",
            lines=[
                Say("wang", "羽绒服你要吗？我有一件备用的"),
                Say(ME, "要要要！S 码的有吗"),
                Say("wang", "有，周六带给你"),
            ],
        ),
        Scene(
            minutes=140,
            lines=[Voice("wang", 17.4), Say(ME, "哈哈哈哈好，我来问问她"), Voice(ME, 4.3)],
        ),
    ],
)

TOM = Pair(
    other="tom",
    scenes=[
        Scene(
            days=2,
            at="15:10",
            lines=[
                Say("tom", "Is there a good place for noodles near the office? My parents are visiting"),
                Place(ME, "奎元馆", "杭州市上城区解放路 154 号", 30.2508, 120.1716),
                Say(ME, "百年老店，一定要点虾爆鳝面"),
                Say("tom", "My mother says thank you, and that she can say 虾爆鳝面 now"),
                Say(ME, "😂👍"),
            ],
        ),
    ],
)

JIAYI = Pair(
    other="jiayi",
    scenes=[
        Scene(
            days=3,
            at="23:01",
            lines=[
                Say("jiayi", "到家了吗？"),
                Say(ME, "到啦，谢谢你的饺子"),
                Recalled("jiayi", "其实是买的"),
                Say("jiayi", "早点休息～"),
            ],
        ),
    ],
)

SOFIA = Pair(
    other="sofia",
    scenes=[
        Scene(
            days=1,
            at="22:40",
            lines=[
                Say(ME, "Here are your photos from the summit"),
                Say("sofia", "Grazie! They are lovely ❤️"),
            ],
        ),
        Scene(minutes=64, lines=[Say("sofia", "I printed the one with all five of us. It hangs in the kitchen now")]),
    ],
    behind={ME: 1},
)

WEI = Pair(
    other="wei",
    scenes=[
        Scene(
            days=2,
            at="17:30",
            lines=[
                Say("wei", "下周的会议改到周三下午三点，会议室在 5 楼"),
                Say(ME, "收到"),
            ],
        ),
        Scene(
            minutes=95,
            lines=[
                Say("wei", "测试账号开好了，密码我当面给你"),
                Say("wei", "对了，投影仪也修好了"),
            ],
        ),
    ],
    behind={ME: 2},
)

AMINA = Pair(
    other="amina",
    scenes=[
        Scene(
            days=3,
            at="08:55",
            lines=[
                Say("amina", "صباح الخير! هل نلتقي غدا في المكتبة؟"),
                Say(ME, "نعم, at ten? I am still learning 😊"),
                Say("amina", "شكرا جزيلا! نلتقي غدا"),
            ],
        ),
    ],
)

HANA = Pair(
    other="hana",
    scenes=[
        Scene(
            days=5,
            at="10:30",
            lines=[
                Say("hana", "上海那家展览你去了吗？"),
                Say(ME, "还没，一起？"),
                Place("hana", "上海当代艺术博物馆", "上海市黄浦区苗江路 678 号", 31.1996, 121.4947),
                Say("hana", "周日 11 点，门口见"),
                Say(ME, "好的！"),
            ],
        ),
    ],
)

LUCAS = Pair(
    other="lucas",
    scenes=[
        Scene(
            days=9,
            at="10:50",
            lines=[
                Say("lucas", "Thank you for the warm welcome!"),
                Say(ME, "Any time. 有问题随时问我"),
                Picture("lucas", pictures.city, "The view from my new desk, not bad"),
            ],
        ),
        Scene(
            days=1,
            at="09:12",
            lines=[
                Say("lucas", "Quick one: where do expense reports go?"),
                Say(ME, "Priya 那里，模板在 wiki"),
                Say("lucas", "Merci 🙏"),
            ],
        ),
    ],
)

PRIYA = Pair(
    other="priya",
    scenes=[
        Scene(
            days=7,
            at="14:02",
            lines=[
                Say("priya", "Could you approve the budget by Friday?"),
                Say(ME, "Approved ✅ 测试那项省了不少"),
                Say("priya", "Testing was cheaper because nothing broke. For once!"),
            ],
        ),
    ],
)

#: What they say to each other: a chat need not be mine to be there.
OTHERS = [
    Pair(
        one="tom",
        other="sofia",
        scenes=[
            Scene(days=2, at="19:19", lines=[Say("sofia", "Can I borrow your tripod?"), Say("tom", "It is yours")])
        ],
    ),
    Pair(
        one="jiayi",
        other="wang",
        scenes=[Scene(days=6, at="20:20", lines=[Say("wang", "饺子皮买多少？"), Say("jiayi", "三斤吧，人多")])],
    ),
]

GROUPS: Sequence[Group] = (TRIP, PRODUCT, BOOKS, DINNER, BADMINTON, EVERYONE)
PAIRS: Sequence[Pair] = (MAYA, WANG, TOM, JIAYI, SOFIA, WEI, AMINA, HANA, LUCAS, PRIYA, *OTHERS)

assert {one for group in GROUPS for one in (group.owner, *group.members)} <= PEOPLE.keys()
