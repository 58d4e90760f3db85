// The ws package alone: every frame goes to everyone in the room of the socket's address.
// node ws.js PORT
const { WebSocketServer } = require('ws')

const rooms = new Map()
const server = new WebSocketServer({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
server.on('connection', (socket, request) => {
  if (!rooms.has(request.url)) rooms.set(request.url, new Set())
  const room = rooms.get(request.url)
  room.add(socket)
  socket.on('close', () => room.delete(socket))
  socket.on('message', (data) => {
    for (const member of room) member.send(data, { binary: false })
  })
  socket.send('{"joined":true}')
})
