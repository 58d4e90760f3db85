"""The configuration of an nginx that a test starts, around one of the sites of deploy/."""

from pathlib import Path

_KINDS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def configured(folder: Path, site: str, *, main: str = "", events: str = "") -> Path:
    """A file, in a folder for everything that nginx writes. `main` and `events`: more of these two parts."""
    places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in _KINDS)
    file = folder / "nginx.conf"
    file.write_text(
        f"{main} daemon off; pid {folder}/pid; error_log {folder}/log; events {{ {events} }}\n"
        f"http {{ access_log off; include /etc/nginx/mime.types; {places}\n{site}\n}}"
    )
    return file
