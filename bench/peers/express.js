// Express with better-sqlite3: looks up token and membership, stores one row per transaction, answers.
// node express.js PORT DATABASE SYNCHRONOUS
// The database has people (token, id, name) and members (room, person).
const crypto = require('crypto')
const express = require('express')
const Database = require('better-sqlite3')

const [port, path, synchronous] = process.argv.slice(2)
const database = new Database(path)
database.pragma('journal_mode = WAL')
database.pragma(`synchronous = ${synchronous}`)
database.exec(`
  CREATE TABLE IF NOT EXISTS message (
    id TEXT PRIMARY KEY, room TEXT NOT NULL, seq INTEGER NOT NULL, version INTEGER NOT NULL, sender TEXT NOT NULL,
    client_id TEXT NOT NULL, type TEXT NOT NULL, content TEXT NOT NULL, reply_to TEXT, sent_at TEXT NOT NULL,
    edited_at TEXT, recalled_at TEXT, UNIQUE (room, seq), UNIQUE (sender, client_id));
  CREATE INDEX IF NOT EXISTS message_changes ON message (room, version);
  CREATE INDEX IF NOT EXISTS message_own ON message (room, sender, seq);
`)
const person = database.prepare('SELECT id, name FROM people WHERE token = ?')
const member = database.prepare('SELECT 1 FROM members WHERE room = ? AND person = ?')
const next = database.prepare('SELECT coalesce(max(seq), 0) + 1 AS seq FROM message WHERE room = ?')
const insert = database.prepare(
  `INSERT INTO message (id, room, seq, version, sender, client_id, type, content, sent_at)
   VALUES (@id, @groupId, @seq, @seq, @senderId, @clientId, @type, @content, @sentAt)`)

const store = database.transaction((message) => {
  message.seq = next.get(message.groupId).seq
  insert.run(message)
})

const app = express()
app.disable('x-powered-by')
app.use(express.json({ limit: '256kb' }))
app.post('/group/send', (request, response) => {
  const token = (request.get('authorization') || '').replace('Bearer ', '')
  const sender = person.get(token)
  if (!sender) return response.status(401).json({ code: 'sign_in' })
  const { groupId, senderId, content, clientId, type = 'text' } = request.body
  if (senderId && senderId !== sender.id) return response.status(403).json({ code: 'not_you' })
  if (type !== 'text') return response.status(422).json({ code: 'invalid' })
  if (typeof content !== 'string' || !content.trim() || content.length > 8000) return response.status(422).json({ code: 'invalid' })
  if (!member.get(groupId, sender.id)) return response.status(404).json({ code: 'not_found' })
  const id = crypto.randomUUID()
  const message = {
    id, groupId, content, type, clientId: clientId || id, senderId: sender.id, senderName: sender.name,
    sentAt: new Date().toISOString(),
  }
  store(message)
  response.status(201).json(message)
})
app.listen(Number(port), '127.0.0.1', 4096)
