"""Redis as an installation names it: addresses, Sentinels, users with few rights, and the layer that goes there."""

import asyncio
import inspect
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import channels_redis.pubsub
import pytest
import redis
import redis.asyncio
from asgiref.sync import async_to_sync
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer, RedisSingleShardConnection
from django.conf import settings

from chatproject.core.hub.layer import EVENT_TYPE, Layer
from chatproject.core.redis import address
from chatproject.core.server import trial
from tests import ports
from tests.browser.server import ROOT, Server
from tests.faults.talk import until
from tests.redis_servers import START, Redis, client_at, start_sentinel


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    if not shutil.which("redis-server"):
        pytest.skip("needs redis-server")
    server = Redis(tmp_path)
    yield server
    server.stop()


def layer(url: str, prefix: str = "test") -> Layer:
    return Layer(hosts=address.layer_hosts(url), prefix=prefix)


class Listener:
    """What one process hears of a group."""

    def __init__(self, layer: Layer) -> None:
        self.heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.layer = layer.here()

    async def listen(self, *groups: str) -> "Listener":
        self.channel = await self.layer.listen(lambda *heard: self.heard.put_nowait(heard))
        await self.layer.add(groups, self.channel)
        return self

    async def next(self) -> tuple[str, bytes]:
        return await asyncio.wait_for(self.heard.get(), START)


async def closing(work: Awaitable[None], *layers: Layer) -> None:
    try:
        await work
    finally:
        for one in layers:
            await one.flush()


async def assert_carries(url: str, meanwhile: Callable[[], Awaitable[None]] | None = None) -> None:
    """Two processes' layers on this address hear each other, and again after `meanwhile`."""
    first, second = layer(url), layer(url)

    async def talk() -> None:
        one, other = await Listener(first).listen("room.1"), await Listener(second).listen("room.1", "room.2")
        one.layer.publish("room.1", b"\n1")
        assert await one.next() == await other.next() == ("room.1", b"\n1")
        one.layer.publish("room.2", b"\n2")
        assert await other.next() == ("room.2", b"\n2")
        if meanwhile is not None:
            await meanwhile()
            shards = [listener.layer.shard for listener in (one, other)]
            await until(lambda: all(shard.is_up for shard in shards), "both are connected again", within=3 * START)
            await one.layer.add(["room.3"], one.channel)  # returns when Redis has confirmed
            await other.layer.add(["room.3"], other.channel)
            one.layer.publish("room.2", b"\n3")
            assert await other.next() == ("room.2", b"\n3")
        assert one.heard.empty()

    await closing(talk(), first, second)


# Addresses ------------------------------------------------------------------------------------------------------------


def test_an_address_with_sentinels_names_them_all_and_the_server_behind_them() -> None:
    host = address.layer_host(
        "rediss+sentinel://chat:p%40ss@one:1,[::1]:2,three/main/4?sentinel_password=s&ssl_cert_reqs=none&socket_timeout=7"
    )
    assert host["sentinels"] == [("one", 1), ("::1", 2), ("three", 26379)]
    assert host["master_name"] == "main"
    assert (host["username"], host["password"], host["db"], host["ssl"]) == ("chat", "p@ss", 4, True)
    sentinel = host["sentinel_kwargs"]
    assert (sentinel["password"], sentinel["ssl"], sentinel["ssl_cert_reqs"]) == ("s", True, "none")
    assert "username" not in sentinel and sentinel["socket_timeout"] == 7


@pytest.mark.parametrize("url", ["redis+sentinel://host:26379", "redis+sentinel://host/main/x", "http://host"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"redis\+sentinel|scheme"):
        address.layer_host(url)


@pytest.mark.parametrize("options", ["", "?protocol=3", "?decode_responses=true", "?socket_timeout=1"])
async def test_the_layer_takes_what_the_client_takes(own_redis: Redis, options: str) -> None:
    await assert_carries(own_redis.url + options)


@pytest.mark.parametrize("connection", ["+@connection", "+select"], ids=["documented", "replies cannot be turned off"])
async def test_a_user_with_few_rights_is_enough_and_its_password_is_used(own_redis: Redis, connection: str) -> None:
    rights = ["on", ">secret", "resetchannels", "&test*", "-@all", "+@pubsub", "+ping", connection]
    own_redis.client().execute_command("ACL", "SETUSER", "chat", *rights)
    own_redis.client().execute_command("ACL", "SETUSER", "default", "off")
    await assert_carries(f"redis://chat:secret@127.0.0.1:{own_redis.port}/0")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the `key` and `cert` of a server at localhost."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("certificate")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "key", "-out", "cert"]
    subprocess.run([*made, *names], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def tls_redis(certificate: Path, tmp_path: Path) -> Iterator[int]:
    """The port at which a server of one's own speaks TLS."""
    if not shutil.which("redis-server"):
        pytest.skip("needs redis-server")
    port = ports.lease()
    files = ["--tls-cert-file", f"{certificate}/cert", "--tls-key-file", f"{certificate}/key"]
    server = Redis(tmp_path, "--tls-port", str(port), *files, "--tls-auth-clients", "no")
    yield port
    server.stop()


async def test_tls_is_spoken_and_a_server_that_nobody_vouches_for_is_refused(tls_redis: int, certificate: Path) -> None:
    distrusting = layer(f"rediss://localhost:{tls_redis}/0")

    async def refused() -> None:
        one = await Listener(distrusting).listen("room.1")
        assert not one.layer.shard.is_up

    await assert_carries(f"rediss://localhost:{tls_redis}/0?ssl_ca_certs={certificate}/cert")
    await closing(refused(), distrusting)


@pytest.mark.slow
async def test_when_the_server_behind_sentinels_fails_all_go_to_the_new_one(tmp_path: Path) -> None:
    if not shutil.which("redis-sentinel"):
        pytest.skip("needs redis-sentinel")
    folders = [tmp_path / name for name in ("master", "replica", "sentinel")]
    for folder in folders:
        folder.mkdir()
    master = Redis(folders[0])
    replica = Redis(folders[1], "--replicaof", "127.0.0.1", str(master.port))
    sentinel, port = start_sentinel(folders[2], master)
    url = f"redis+sentinel://127.0.0.1:{port}/main/0"
    client = redis.Redis(connection_pool=address.connection_pool(url, socket_timeout=1))
    try:
        replica.wait(lambda: replica.client().info("replication")["master_link_status"] == "up")
        watcher = client_at(port)
        replica.wait(lambda: watcher.sentinel_slaves("main"))
        client.set("key", "value")

        async def fail() -> None:
            await asyncio.to_thread(master.stop)
            await asyncio.to_thread(replica.wait, lambda: client.set("key", "new"))

        await assert_carries(url, fail)
        assert replica.client().get("key") == b"new"
    finally:
        sentinel.kill()
        sentinel.wait()
        for server in (replica, master):
            server.stop()


# The trial at the start -----------------------------------------------------------------------------------------------


#: What the names of this run begin with.
OURS = settings.REDIS_KEY_PREFIX.removesuffix(":")


def tried(url: str) -> str:
    """Why an address is refused at the start; "" if it is not."""
    try:
        trial.require_usable(url)
    except trial.Refused as refused:
        assert "secret" not in str(refused)
        return str(refused)
    return ""


def test_a_server_that_can_be_used_is_taken_and_left_as_it_was(own_redis: Redis) -> None:
    assert tried(own_redis.url) == ""
    assert own_redis.client().keys() == []
    assert tried(f"redis://127.0.0.1:{ports.lease()}/0") == "", "one that is away may come later"


def test_what_a_user_may_not_do_is_named_at_the_start(own_redis: Redis) -> None:
    def as_user(*rights: str) -> str:
        own_redis.client().execute_command("ACL", "SETUSER", "chat", "reset", "on", ">secret", *rights)
        return tried(f"redis://chat:secret@127.0.0.1:{own_redis.port}/0")

    known = ("~user:*", "~group:*")
    assert as_user(f"~{OURS}*", *known, f"&{OURS}*", "+@all", "-@dangerous") == ""
    deaf = as_user(f"~{OURS}*", *known, "resetchannels", "+@all")
    assert "may not use channels" in deaf and f"&{OURS}*" in deaf
    assert "may not use channels" in as_user(f"~{OURS}*", *known, f"&{OURS}:*", "+@all"), (
        "all names of the layer are tried"
    )
    assert "may not use keys" in as_user(f"~{OURS}*", f"&{OURS}*", "+@all")
    assert "may not use scripts" in as_user(f"~{OURS}*", *known, f"&{OURS}*", "+@all", "-@scripting")
    wrong = tried(f"redis://chat:mistaken@127.0.0.1:{own_redis.port}/0")
    assert "refuses this user or password" in wrong and "mistaken" not in wrong


def test_a_server_of_another_kind_is_refused_with_what_to_write(own_redis: Redis, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("cluster", "sentinel", "replica")]
    for folder in folders:
        folder.mkdir()
    cluster = Redis(folders[0], "--cluster-enabled", "yes")
    replica = Redis(folders[2], "--replicaof", "127.0.0.1", str(own_redis.port))
    sentinel, port = start_sentinel(folders[1], own_redis)
    try:
        own_redis.wait(lambda: client_at(port).ping())
        assert "node of a Redis Cluster" in tried(cluster.url)
        assert "takes no writes" in tried(replica.url)
        assert "redis+sentinel://host:26379/NAME" in tried(f"redis://127.0.0.1:{port}/0")
        assert tried(f"redis+sentinel://127.0.0.1:{port}/main/0") == ""
        assert tried(f"redis+sentinel://127.0.0.1:1,127.0.0.1:{port}/main/0") == ""
        assert "watches no master 'mian', but main" in tried(f"redis+sentinel://127.0.0.1:{port}/mian/0")
        assert "is no Sentinel" in tried(f"redis+sentinel://127.0.0.1:{own_redis.port}/main/0")
        assert "DB index" in tried(f"redis://127.0.0.1:{own_redis.port}/99")
        assert "unexpected" in tried(f"{own_redis.url}?tls=yes")
    finally:
        sentinel.kill()
        sentinel.wait()
        for server in (cluster, replica):
            server.stop()


def test_what_is_wrong_with_tls_is_named(tls_redis: int, certificate: Path) -> None:
    assert "certificate is not trusted" in tried(f"rediss://localhost:{tls_redis}/0")
    assert "certificate is not trusted" in tried(f"rediss://127.0.0.1:{tls_redis}/0?ssl_ca_certs={certificate}/cert")
    assert tried(f"rediss://localhost:{tls_redis}/0?ssl_ca_certs={certificate}/cert") == ""
    assert tried(f"rediss://127.0.0.1:{tls_redis}/0?ssl_cert_reqs=none") == ""


def test_a_start_with_an_address_that_cannot_be_used_is_one_sentence(own_redis: Redis, tmp_path: Path) -> None:
    own_redis.client().execute_command("ACL", "SETUSER", "deaf", "on", ">secret", "~*", "+@all", "resetchannels")
    server = Server(tmp_path)
    for url, said in {
        "sentinel://:secret@127.0.0.1:26379/main": "Settings: REDIS_URL: for Sentinels write redis+sentinel://",
        f"redis://deaf:secret@127.0.0.1:{own_redis.port}/0": "REDIS_URL: its user may not use channels",
    }.items():
        environment = server._environment | {"REDIS_URL": url}
        command = [sys.executable, "manage.py", "serve"]
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
        assert ended.returncode != 0 and "The chat is at" not in ended.stdout
        assert said in ended.stderr and "Traceback" not in ended.stderr and "secret" not in ended.stderr


# The channel layer ----------------------------------------------------------------------------------------------------


async def test_the_layer_is_one_for_any_consumer(own_redis: Redis) -> None:
    first, second = layer(own_redis.url), layer(own_redis.url)

    async def talk() -> None:
        mine, theirs = await first.new_channel(), await second.new_channel()
        await first.send(theirs, {"type": "a.question", "number": 7, "raw": b"\x00"})
        assert await second.receive(theirs) == {"type": "a.question", "number": 7, "raw": b"\x00"}
        for one, channel in ((first, mine), (second, theirs)):
            await one.group_add("readers", channel)
        await second.group_send("readers", {"type": EVENT_TYPE, "event": "OnNews", "data": {"text": "你好"}})
        for one, channel in ((first, mine), (second, theirs)):
            assert await one.receive(channel) == {"type": EVENT_TYPE, "event": "OnNews", "data": {"text": "你好"}}
        await first.group_discard("readers", mine)
        await second.group_send("readers", {"type": "a.note"})
        assert await second.receive(theirs) == {"type": "a.note"}
        await first.send(mine, {"type": "the.next"})
        assert await first.receive(mine) == {"type": "the.next"}, "it is in the group no more"
        with pytest.raises(RuntimeError, match="no channel of this process"):
            await first.group_add("readers", theirs)

    await closing(talk(), first, second)


async def test_a_command_to_the_hub_is_nothing_to_a_consumer(own_redis: Redis) -> None:
    one = layer(own_redis.url)

    async def talk() -> None:
        channel = await one.new_channel()
        await one.group_add("room.1", channel)
        one.here().publish("room.1", b'{"unsubscribe":"1"}\n')
        one.here().publish("room.1", b'{"unsubscribe":"1"}\n{"event":"OnGroupLeave","data":{}}')
        assert (await one.receive(channel))["event"] == "OnGroupLeave"

    await closing(talk(), one)


async def test_a_process_that_is_alone_publishes_nothing(own_redis: Redis) -> None:
    first, second = layer(own_redis.url), layer(own_redis.url)

    def published() -> int:
        commands: Any = own_redis.client().info("commandstats")
        return int(commands.get("cmdstat_publish", {}).get("calls", 0))

    async def talk() -> None:
        one = await Listener(first).listen("room.1")
        await until(lambda: not one.layer.shard.has_company, "the process knows that it is alone", within=START)
        before = published()
        one.layer.publish("room.1", b"\n1")
        assert await one.next() == ("room.1", b"\n1")
        assert published() == before
        other = await Listener(second).listen("room.1")
        other.layer.publish("room.1", b"\n2")
        assert await one.next() == ("room.1", b"\n2")
        one.layer.publish("room.1", b"\n3")
        assert [await other.next(), await other.next()] == [("room.1", b"\n2"), ("room.1", b"\n3")]

    await closing(talk(), first, second)


async def test_without_redis_a_process_hears_itself_and_others_again_when_it_is_back(tmp_path: Path) -> None:
    if not shutil.which("redis-server"):
        pytest.skip("needs redis-server")
    port = ports.lease()
    first, second = layer(f"redis://127.0.0.1:{port}"), layer(f"redis://127.0.0.1:{port}")
    servers: list[Redis] = []

    async def talk() -> None:
        one, other = await Listener(first).listen("room.1"), await Listener(second).listen("room.1")
        one.layer.publish("room.1", b"\n1")
        assert await one.next() == ("room.1", b"\n1")
        with pytest.raises(redis.ConnectionError):
            await first.group_send("room.1", {"type": "a.note"})
        assert (await one.next())[0] == "room.1", "here it was heard all the same"
        servers.append(await asyncio.to_thread(Redis, tmp_path, port=port))
        shards = [listener.layer.shard for listener in (one, other)]
        await until(lambda: all(shard.is_up for shard in shards), "both are connected", within=START)
        await one.layer.add(["room.2"], one.channel)
        await other.layer.add(["room.2"], other.channel)
        one.layer.publish("room.1", b"\n2")
        assert await other.next() == ("room.1", b"\n2")

    try:
        await closing(talk(), first, second)
    finally:
        for server in servers:
            server.stop()


def test_code_without_an_event_loop_sends_by_one_of_its_own(own_redis: Redis) -> None:
    listening = own_redis.client().pubsub(ignore_subscribe_messages=True)
    listening.subscribe("test__group__room.1")
    assert listening.get_message(timeout=START) is None  # the confirmation
    send = async_to_sync(layer(own_redis.url).group_send)
    send("room.1", {"type": EVENT_TYPE, "event": "OnBell", "data": {}})
    send("room.1", {"type": EVENT_TYPE, "event": "OnBell", "data": {}})
    for _ in range(2):
        message = listening.get_message(timeout=START)
        assert message is not None and message["data"].endswith(b'\n{"event":"OnBell","data":{}}')
    own_redis.wait(lambda: len(own_redis.client().client_list()) <= 2)  # nobody but us
    listening.close()


def test_what_the_layer_extends_in_channels_redis_is_as_it_was() -> None:
    """When this fails, read what changed in channels_redis/pubsub.py, and redis/asyncio/connection.py."""

    def functions(owner: type) -> set[str]:
        return {name for name, value in vars(owner).items() if inspect.isfunction(value)}

    assert functions(RedisPubSubChannelLayer) == {"__init__", "__getattr__", "serialize", "deserialize", "_get_layer"}
    assert functions(RedisPubSubLoopLayer) == {
        *("__init__", "_get_shard", "_get_group_channel_name", "_subscribe_to_channel"),
        *("send", "new_channel", "receive", "group_add", "group_discard", "group_send", "flush"),
    }
    assert functions(RedisSingleShardConnection) == {
        *("__init__", "publish", "subscribe", "unsubscribe", "flush"),
        *("_do_receiving", "_receive_message", "_ensure_redis", "_ensure_receiver"),
    }
    assert redis.asyncio.Connection()._writer is None, "the layer takes its transport over"
    for name in ("_wrap_close", "create_pool", "decode_hosts"):
        assert callable(getattr(channels_redis.pubsub, name))
    one = layer("redis://127.0.0.1:1")
    assert set(vars(one)) == {"_args", "_kwargs", "_layers", "_serializer"}

    async def names() -> tuple[set[str], str]:
        here = one.here()
        return set(vars(RedisPubSubLoopLayer([{}], channel_layer=one))), here._get_group_channel_name("room.1")

    attributes, name = asyncio.run(names())
    assert attributes == {"prefix", "on_disconnect", "on_reconnect", "channel_layer", "channels", "groups", "_shards"}
    assert name == one.redis_channel("room.1")
