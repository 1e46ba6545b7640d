// Socket.IO: `io.to(room).emit`. Arguments: the port, the intake's port (see intake.py).
const { createServer } = require("node:http");
const net = require("node:net");
const readline = require("node:readline");
const { Server } = require("socket.io");

const ROOM = "room";
const [port, intakePort] = process.argv.slice(2).map(Number);

const httpServer = createServer();
const io = new Server(httpServer, { transports: ["websocket"], serveClient: false });
// As its documentation advises: the first request is not kept.
io.engine.on("connection", (rawSocket) => { rawSocket.request = null; });
io.on("connection", (socket) => socket.join(ROOM));
httpServer.listen(port, "127.0.0.1", 4096);

let tickMs = 0;
let flushedMs = 0;
let pending = [];
let timer = null;

function flush() {
  timer = null;
  flushedMs = performance.now();
  const events = pending;
  pending = [];
  io.to(ROOM).emit("said", events);
}

net.createServer((socket) => {
  readline.createInterface({ input: socket }).on("line", (line) => {
    if (line.startsWith("tick ")) {
      tickMs = Number(line.slice(5));
    } else if (!tickMs) {
      io.to(ROOM).emit("said", JSON.parse(line));
    } else {
      pending.push(JSON.parse(line));
      timer ??= setTimeout(flush, Math.max(0, flushedMs + tickMs - performance.now()));
    }
  });
}).listen(intakePort, "127.0.0.1");
