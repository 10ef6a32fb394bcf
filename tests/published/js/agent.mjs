// Drives the published JavaScript client for the suite: one JSON command a line in, replies and events out.

import { createInterface } from 'node:readline';
import { Clasp, decode, encode } from '@clasp-to/core';
import { fromTagged, toTagged } from './tagged.mjs';

const clients = new Map();
let connecting = null;

const operations = {
  async connect({ client, url, token, reconnect_ms, within_ms }) {
    const options = { token, connectionTimeout: within_ms, reconnect: reconnect_ms !== undefined };
    if (options.reconnect) options.reconnectInterval = reconnect_ms;
    const session = { link: new Clasp(url, options), frames: [], unsubscribe: new Map() };
    clients.set(client, session);
    session.link.onReconnect((attempt) => send({ event: 'reconnecting', client, attempt }));
    const started = performance.now();
    const elapsed = () => Math.round(performance.now() - started);
    connecting = { client, frames: session.frames };
    const connected = session.link.connect();
    connecting = null;
    try {
      await connected;
    } catch (error) {
      return { connected: false, reason: error.message, ms: elapsed() };
    }
    return { connected: true, session: session.link.session, ms: elapsed() };
  },

  state({ client }) {
    const { link } = clients.get(client);
    return { connected: link.connected, session: link.session };
  },

  subscribe({ client, label, pattern, options }) {
    const session = clients.get(client);
    const { link } = session;
    const update = (value, address) =>
      send({ event: 'update', client, label, address, value: toTagged(value), at_us: Date.now() * 1000 });
    session.unsubscribe.set(label, link.subscribe(pattern, update, clientOptions(options)));
  },

  unsubscribe({ client, label }) {
    clients.get(client).unsubscribe.get(label)();
  },

  set({ client, address, value }) {
    clients.get(client).link.set(address, fromTagged(value));
  },

  emit({ client, address, value }) {
    clients.get(client).link.emit(address, fromTagged(value));
  },

  stream({ client, address, value }) {
    clients.get(client).link.stream(address, fromTagged(value));
  },

  gesture({ client, address, gesture, phase, value }) {
    clients.get(client).link.gesture(address, gesture, phase, fromTagged(value));
  },

  async gesture_run({ client, address, gesture, moves, hertz }) {
    const { link } = clients.get(client);
    const started = performance.now();
    link.gesture(address, gesture, 'start', { n: 0 });
    for (let n = 1; n <= moves; n += 1) {
      await until(started + (n * 1000) / hertz);
      link.gesture(address, gesture, 'move', { n });
    }
    const ms = Math.round(performance.now() - started);
    link.gesture(address, gesture, 'end', { n: moves + 1 });
    return { ms };
  },

  timeline({ client, address }) {
    clients.get(client).link.timeline(address, [{ time: 0, value: 0 }, { time: 1000000, value: 1 }]);
  },

  bundle({ client, members, at_ms }) {
    const { link } = clients.get(client);
    const formatted = members.map(([kind, address, value]) => ({ [kind]: [address, fromTagged(value)] }));
    const at = at_ms === undefined ? undefined : link.time() + at_ms * 1000;
    link.bundle(formatted, at === undefined ? undefined : { at });
    return { at_us: at ?? null };
  },

  async get({ client, address }) {
    return { value: toTagged(await clients.get(client).link.get(address)) };
  },

  cached({ client, address }) {
    const value = clients.get(client).link.cached(address);
    return value === undefined ? { found: false } : { found: true, value: toTagged(value) };
  },

  count_cached({ client, prefix, count }) {
    const { link } = clients.get(client);
    let held = 0;
    for (let n = 0; n < count; n += 1) {
      if (link.cached(prefix + String(n).padStart(4, '0')) === n) held += 1;
    }
    return { held };
  },

  refusals({ client }) {
    const { frames, link } = clients.get(client);
    const count = frames.filter((frame) => frame.type === 'ERROR').length;
    const last = link.getLastError();
    return { count, last: last && { code: last.code, message: last.message, address: last.address ?? null } };
  },

  // What the router sent, as the client's own decoder reads it: for what its callbacks do not show.
  frames({ client, type, address }) {
    const wanted = clients.get(client).frames.filter((frame) => frame.type === type);
    return address === undefined ? wanted : wanted.filter((frame) => frame.address === address);
  },

  // The client never announces by itself: its encoder does, over a WebSocket of our own.
  async announce({ url, signals }) {
    const socket = new WebSocket(url, 'clasp');
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => socket.send(encode({ type: 'HELLO', version: 1, name: 'announcer', features: [] }));
    await new Promise((resolve, reject) => {
      let left = signals.length;
      socket.onerror = () => reject(new Error('announce: no connection'));
      socket.onmessage = ({ data }) => {
        const { type } = decode(new Uint8Array(data));
        if (type === 'WELCOME') for (const announcement of announcements(signals)) socket.send(announcement);
        if (type === 'ERROR') reject(new Error('announce: refused'));
        if (type === 'ACK' && (left -= 1) === 0) resolve();
      };
    });
  },

  close({ client }) {
    clients.get(client)?.link.close();
    clients.delete(client);
  },
};

function announcements(signals) {
  return signals.map(([namespace, addresses]) =>
    encode({ type: 'ANNOUNCE', namespace, signals: addresses.map((address) => ({ address, type: 'param' })) }));
}

class TappedWebSocket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols);
    const tapped = connecting;
    if (tapped) this.addEventListener('message', ({ data }) => tapped.frames.push(summary(data)));
  }
}

function summary(data) {
  const message = decode(new Uint8Array(data));
  const { type, address, revision, signal, phase, id, rate, samples, code } = message;
  const addresses = message.params?.map((param) => param.address);
  const revisions = message.params?.map((param) => param.revision);
  return { type, address, revision, signal, phase, id, rate, samples, code, addresses, revisions };
}

function clientOptions(options) {
  return options && { maxRate: options.max_rate, epsilon: options.epsilon };
}

async function until(moment) {
  const left = moment - performance.now();
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
}

function send(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function answer({ id, op, ...request }) {
  try {
    send({ id, ok: (await operations[op](request)) ?? null });
  } catch (error) {
    send({ id, error: String(error.message ?? error) });
  }
}

globalThis.WebSocket = TappedWebSocket;
console.debug = () => {};
console.error = () => {};
console.warn = (...words) => send({ event: 'fault', text: words.join(' ') });
process.on('uncaughtException', (error) => send({ event: 'fault', text: String(error) }));

const lines = createInterface({ input: process.stdin });
let turn = Promise.resolve();
lines.on('line', (line) => {
  const request = JSON.parse(line);
  if (request.background) answer(request);
  else turn = turn.then(() => answer(request));
});
lines.on('close', () => process.exit(0));
