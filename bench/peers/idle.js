// Socket.IO with its Redis adapter: a client says which person it is and joins that person's rooms.
// Nothing is looked up or stored.
// node idle.js PORT REDIS_PORT PEOPLE ROOMS ROOMS_EACH
const { createServer } = require("node:http");
const { createAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");
const { Server } = require("socket.io");

const [port, redisPort, people, rooms, each] = process.argv.slice(2).map(Number);

async function main() {
  const publisher = createClient({ url: `redis://127.0.0.1:${redisPort}` });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const server = createServer();
  const io = new Server(server, { adapter: createAdapter(publisher, subscriber), transports: ["websocket"] });
  io.on("connection", async (socket) => {
    const person = Number(socket.handshake.auth.person);
    const mine = [];
    for (let place = 0; place < each; place += 1) mine.push(`room:${(person * each + place) % rooms}`);
    await socket.join(mine);
    socket.emit("joined", people);
  });
  server.listen(port, "127.0.0.1", 4096);
}

main();
