// socket.io as its documentation sets it up for clients that come back: connection state recovery on.
// Prints the address it listens on, on a port that it finds itself.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const httpServer = createServer();
const io = new Server(httpServer, { connectionStateRecovery: {}, transports: ['websocket'] });

io.on('connection', (socket) => {
  if (socket.handshake.query.role === 'listener') socket.join('room');
  socket.on('command', (command, acknowledge) => acknowledge({ command_id: command.id }));
  socket.on('publish', (message) => io.to('room').emit('message', message));
});

httpServer.listen({ host: '127.0.0.1', port: 0, backlog: 2048 }, () => {
  console.log(`http://127.0.0.1:${httpServer.address().port}`);
});
