"""The files that the demo's people send."""


def itinerary() -> bytes:
    """A PDF of one page."""
    lines = [
        (20, "Huangshan Weekend"),
        (12, ""),
        (12, "Saturday"),
        (11, "08:05  G7433 from Hangzhou East, coach 7"),
        (11, "10:12  Huangshan North; bus 1 to Tangkou, 60 minutes"),
        (11, "13:00  Yungu cable car, then on foot to the summit hotel"),
        (12, ""),
        (12, "Sunday"),
        (11, "04:30  Up to Bright Summit, torches and warm coats"),
        (11, "05:48  Sunrise"),
        (11, "11:00  Down by the western steps, lunch in Tangkou"),
        (11, "16:40  G7418 back to Hangzhou"),
    ]
    drawn, y = [], 780
    for size, text in lines:
        drawn.append(f"BT /F1 {size} Tf 64 {y} Td ({text}) Tj ET")
        y -= round(size * 1.9)
    page = "\n".join(drawn).encode("ascii")
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(page), page),
    ]
    made, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, len(made))
    return made + b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(parts) + 1, table) + end


def budget() -> bytes:
    """A CSV table with a byte order mark, by which spreadsheets recognise UTF-8."""
    rows = [
        ("项目 Item", "预算 Planned", "实际 Spent"),
        ("服务器 Servers", "18000", "16420"),
        ("设计 Design", "12000", "12600"),
        ("测试 Testing", "8000", "6100"),
        ("活动 Events", "5000", "3380"),
    ]
    return ("\ufeff" + "".join(",".join(row) + "\r\n" for row in rows)).encode()


def minutes() -> bytes:
    return """# 周会 Weekly, notes

- 导入 v2：先预览再写入，出错的行问用户 (Wei)
- Release on Thursday at 10, rollback plan in the wiki (Priya)
- 新同学下周一入职，座位在 5 楼靠窗 (Maya)
""".encode()
