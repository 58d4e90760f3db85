"""The line between a page and the server, in the hands of a test."""

from playwright.sync_api import Page, WebSocketRoute


class Line:
    """The connection of a page, which can be cut."""

    def __init__(self, page: Page) -> None:
        self._is_up = True
        self._sockets: list[WebSocketRoute] = []
        page.route_web_socket("**/ws/chat/**", self._open)

    def _open(self, socket: WebSocketRoute) -> None:
        if self._is_up:
            socket.connect_to_server()
            self._sockets.append(socket)
        else:
            socket.close(code=1013)

    def cut(self) -> None:
        self._is_up = False
        for socket in self._sockets:
            socket.close(code=1012)
        self._sockets.clear()

    def mend(self) -> None:
        self._is_up = True
