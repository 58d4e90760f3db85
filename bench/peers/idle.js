// Socket.IO with its Redis adapter; a client says who it is and is put into its rooms. Nothing is looked up or stored.
// node idle.js PORT REDIS_SOCKET PEOPLE ROOMS ROOMS_EACH
const { createServer } = require("node:http");
const { createAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");
const { Server } = require("socket.io");

const [port, path, people, rooms, each] = process.argv.slice(2);

async function main() {
  const publisher = createClient({ socket: { path } });
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
  server.listen(Number(port), "127.0.0.1", 4096, () => console.log("ready"));
}

main();
