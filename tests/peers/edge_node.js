// An edge node by Cirrus Link's sparkplug-client: counts a piece every few milliseconds, tells each
// value on stdout after it went out, and answers a rebirth. node edge_node.js URL PERIOD_MS
const sparkplug = require('sparkplug-client');

const [url, period] = process.argv.slice(2);
const client = sparkplug.newClient({
  serverUrl: url,
  username: '',
  password: '',
  groupId: 'FactoryA',
  edgeNode: 'Line3Box',
  clientId: 'line3box-' + process.pid,
  version: 'spBv1.0',
});
let pieces = 4294967290; // six before the wrap of a UInt32
let births = 0;
const counter = (more) => ({
  name: 'Counters/Pieces', alias: 100, type: 'UInt32', value: pieces, timestamp: Date.now(), ...more,
});

client.on('birth', () => {
  births += 1;
  client.publishNodeBirth({
    timestamp: Date.now(),
    metrics: [{ name: 'Node Control/Rebirth', type: 'Boolean', value: false, timestamp: Date.now() }],
  });
  client.publishDeviceBirth('ST-07', {
    timestamp: Date.now(),
    metrics: [
      counter(),
      { name: 'Operator/Badge', alias: 103, type: 'String', value: 'E1001', timestamp: Date.now() },
    ],
  });
  console.log(JSON.stringify({ birth: births, pieces }));
});
client.on('ncmd', (payload) => {
  const asked = payload.metrics.some((m) => m.name === 'Node Control/Rebirth' && m.value === true);
  console.log(JSON.stringify({ ncmd: asked }));
  if (asked) client.emit('birth');
});
client.on('connect', () => {
  setInterval(() => {
    pieces = (pieces + 1) % 4294967296;
    const compress = pieces % 10 === 3 ? { compress: true, algorithm: pieces % 20 === 3 ? 'GZIP' : 'DEFLATE' } : undefined;
    client.publishDeviceData('ST-07', { timestamp: Date.now(), metrics: [counter()] }, compress);
    console.log(JSON.stringify({ pieces }));
  }, Number(period));
});
