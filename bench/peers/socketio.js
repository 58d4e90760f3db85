// Socket.IO 4 with its Redis adapter: a message goes to its room, and nothing is stored.
// node socketio.js PORT REDIS_PORT
const http = require('http')
const { Server } = require('socket.io')
const { createAdapter } = require('@socket.io/redis-adapter')
const { createClient } = require('redis')

async function main() {
  const [port, redisPort] = process.argv.slice(2).map(Number)
  const publisher = createClient({ url: `redis://127.0.0.1:${redisPort}` })
  const subscriber = publisher.duplicate()
  await Promise.all([publisher.connect(), subscriber.connect()])
  const server = http.createServer()
  const io = new Server(server, { transports: ['websocket'], serveClient: false, adapter: createAdapter(publisher, subscriber) })
  io.on('connection', (socket) => {
    socket.on('join', async (rooms) => {
      await socket.join(rooms)
      socket.emit('joined')
    })
    socket.on('message', (message) => io.to(message.room).emit('message', message))
  })
  server.listen({ port, host: '127.0.0.1', backlog: 4096 })
}

main()
