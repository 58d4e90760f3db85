// The original's whole work on Socket.IO 4 with its Redis adapter: a message is stored, counted in Redis
// for each other member, and sent to the room; then each of the others is told their count. SQLite stands
// where the original has MongoDB.
// node original.js PORT REDIS_PORT DATABASE
// The database has people (token, id, name), groups (id, name) and members (room, person).
//
// It has none of the chat's limits, acknowledgements, idempotency or versions. It is written to be fast:
// prepared statements, one pipeline per message, both events to a member in one write.
const { randomUUID } = require('crypto')
const http = require('http')
const Database = require('better-sqlite3')
const { Server } = require('socket.io')
const { createAdapter } = require('@socket.io/redis-adapter')
const { createClient } = require('redis')

const [port, redisPort, path] = process.argv.slice(2)
const WEEK_SECONDS = 7 * 24 * 3600
const ONLINE_SECONDS = 60

class Store {
  constructor(path) {
    const database = new Database(path)
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = NORMAL')
    database.exec(`
      CREATE TABLE IF NOT EXISTS messages (
        id TEXT PRIMARY KEY, chat TEXT NOT NULL, sender TEXT NOT NULL, receiver TEXT, room TEXT, type TEXT NOT NULL,
        content TEXT NOT NULL, client_id TEXT, sent_at TEXT NOT NULL);
      CREATE INDEX IF NOT EXISTS messages_of_chat ON messages (chat, sent_at);
    `)
    this.person = database.prepare('SELECT id, name FROM people WHERE token = ?')
    this.group = database.prepare('SELECT id, name FROM groups WHERE id = ?')
    this.groups = database.prepare('SELECT room FROM members WHERE person = ?').pluck()
    this.members = database.prepare('SELECT person FROM members WHERE room = ?').pluck()
    this.insert = database.prepare(
      `INSERT INTO messages (id, chat, sender, receiver, room, type, content, client_id, sent_at)
       VALUES (@id, @chat, @senderId, @receiverId, @groupId, @type, @content, @clientId, @sentAt)`)
  }
}

/** The sockets of each person: unread counts go to them directly, not through a room of one person. */
class Sockets {
  #byPerson = new Map()

  of(person) {
    return this.#byPerson.get(person) ?? []
  }

  add(person, socket) {
    if (!this.#byPerson.has(person)) this.#byPerson.set(person, new Set())
    this.#byPerson.get(person).add(socket)
  }

  remove(person, socket) {
    const sockets = this.#byPerson.get(person)
    sockets?.delete(socket)
    if (sockets && !sockets.size) this.#byPerson.delete(person)
  }

  tell(person, event, data) {
    for (const socket of this.of(person)) socket.emit(event, data)
  }

  /** Do `work`; what it writes to these people leaves in one write per socket. */
  together(people, work) {
    const connections = people.flatMap((person) => [...this.of(person)].map((socket) => socket.conn.transport.socket._socket))
    for (const connection of connections) connection.cork()
    work()
    process.nextTick(() => connections.forEach((connection) => connection.uncork()))
  }
}

async function main() {
  const redis = createClient({ url: `redis://127.0.0.1:${redisPort}` })
  const publisher = redis.duplicate()
  const subscriber = redis.duplicate()
  await Promise.all([redis.connect(), publisher.connect(), subscriber.connect()])
  const store = new Store(path)
  const sockets = new Sockets()
  const server = http.createServer()
  const io = new Server(server, { transports: ['websocket'], serveClient: false, adapter: createAdapter(publisher, subscriber) })

  io.use((socket, next) => {
    const me = store.person.get(socket.handshake.auth.token)
    if (!me) return next(new Error('sign in'))
    socket.data.me = me
    next()
  })

  io.on('connection', async (socket) => {
    const { me } = socket.data
    sockets.add(me.id, socket)
    socket.on('disconnect', () => {
      sockets.remove(me.id, socket)
      redis.multi().del(`user:heartbeat:${socket.id}`).del(`user:online:${me.id}`).execAsPipeline()
    })
    const refuse = (code) => socket.emit('error', { code })
    const storeMessage = (data, chat, to) => {
      const message = {
        id: randomUUID(), senderId: me.id, senderName: me.name, receiverId: null, groupId: null, type: data.type ?? 'text',
        content: data.content, clientId: data.clientId ?? null, sentAt: new Date().toISOString(), ...to,
      }
      store.insert.run({ ...message, chat })
      return message
    }

    socket.on('EmitGroupMsg', async (data) => {
      if (typeof data.content !== 'string' || (data.senderId && data.senderId !== me.id)) return refuse('invalid')
      const group = store.group.get(data.groupId)
      const members = store.members.all(data.groupId)
      if (!group || !members.includes(me.id)) return refuse('not_found')
      const message = storeMessage(data, group.id, { groupId: group.id })
      const others = members.filter((person) => person !== me.id)
      const json = JSON.stringify(message)
      const pipeline = redis.multi()
      for (const person of others) {
        pipeline.incr(`group:unread:${person}:${group.id}`)
        pipeline.set(`group:lastmsg:${person}:${group.id}`, json, { EX: WEEK_SECONDS })
      }
      const replies = await pipeline.execAsPipeline()
      sockets.together(others, () => {
        io.to(group.id).emit('OnGroupMsg', message)
        others.forEach((person, number) => sockets.tell(person, 'groupUnreadUpdate', {
          groupId: group.id, groupName: group.name, unreadCount: replies[2 * number], lastMessage: message,
        }))
      })
    })

    socket.on('EmitPrivate', async (data) => {
      if (typeof data.content !== 'string' || (data.senderId && data.senderId !== me.id)) return refuse('invalid')
      const other = data.toUid
      const message = storeMessage(data, [me.id, other].sort().join(':'), { receiverId: other })
      const [unreadCount] = await redis.multi()
        .incr(`user:unread:${other}:${me.id}`)
        .set(`user:lastmsg:${other}:${me.id}`, JSON.stringify(message), { EX: WEEK_SECONDS })
        .execAsPipeline()
      socket.emit('OnPrivate', message)
      sockets.together([other], () => {
        sockets.tell(other, 'OnPrivate', message)
        sockets.tell(other, 'unreadCountUpdate', { senderId: me.id, senderName: me.name, unreadCount, lastMessage: message })
      })
    })

    await socket.join(store.groups.all(me.id))
    redis.multi()
      .set(`user:heartbeat:${socket.id}`, me.id, { EX: ONLINE_SECONDS })
      .set(`user:online:${me.id}`, '1', { EX: ONLINE_SECONDS })
      .execAsPipeline()
    socket.emit('OnUserConnect', { user: me, socketId: socket.id })
  })
  server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 })
}

main()
