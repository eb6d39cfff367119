// A Modbus TCP server of npm's modbus-serial: unit 1, u32 4294967290 high word first at 0 and low word
// first at 2; input registers hold the address. Prints its port. Ends when its input ends.
"use strict";

const net = require("node:net");
const { ServerTCP } = require("modbus-serial");

const HOLDING = [0xffff, 0xfffa, 0xfffa, 0xffff, 7, 3];
const vector = {
  getHoldingRegister: (address) => {
    if (address >= HOLDING.length) {
      throw { modbusErrorCode: 2 };
    }
    return HOLDING[address];
  },
  getInputRegister: (address) => address,
};

const free = net.createServer().listen(0, "127.0.0.1", () => {
  const { port } = free.address();
  free.close(() => {
    const server = new ServerTCP(vector, { host: "127.0.0.1", port, unitID: 1 });
    server.on("initialized", () => console.log(port));
    server.on("serverError", (error) => process.exit(error ? 1 : 0));
  });
});
process.stdin.on("end", () => process.exit(0)).resume();
