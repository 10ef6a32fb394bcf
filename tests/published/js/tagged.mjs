// Values as the suite writes them in JSON: {t: type, v: text or members}, so that no type is lost on the way.

export function fromTagged(tagged) {
  switch (tagged.t) {
    case 'null': return null;
    case 'bool': return tagged.v;
    case 'int': return Number(tagged.v);
    case 'float': return floatOf(tagged.v);
    case 'string': return tagged.v;
    case 'bytes': return new Uint8Array(Buffer.from(tagged.v, 'hex'));
    case 'array': return tagged.v.map(fromTagged);
    case 'map': return Object.fromEntries(Object.entries(tagged.v).map(([key, value]) => [key, fromTagged(value)]));
    default: throw new Error(`unknown tag: ${tagged.t}`);
  }
}

export function toTagged(value) {
  if (value === null) return { t: 'null' };
  if (value instanceof Uint8Array) return { t: 'bytes', v: Buffer.from(value).toString('hex') };
  if (Array.isArray(value)) return { t: 'array', v: value.map(toTagged) };
  switch (typeof value) {
    case 'boolean': return { t: 'bool', v: value };
    case 'number': return { t: 'float', v: hexOf(value) };
    case 'string': return { t: 'string', v: value };
    case 'object': {
      const entries = Object.entries(value).map(([key, member]) => [key, toTagged(member)]);
      return { t: 'map', v: Object.fromEntries(entries) };
    }
    default: return { t: `unexpected ${typeof value}` };
  }
}

function floatOf(hex) {
  return Buffer.from(hex, 'hex').readDoubleBE();
}

function hexOf(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(number);
  return bytes.toString('hex');
}
