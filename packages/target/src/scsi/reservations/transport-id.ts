/** iSCSI TransportID of an initiator port, format 01b (SPC-4 §7.6.4.6): `45h, reserved, u16 length, name,i,0xISID, zero, padding to 4`. */

const FORMAT_AND_PROTOCOL = 0x45;
const MIN_NAME_BYTES = 20;

export function transportId(port: string): Buffer {
  const nameBytes = Math.max(MIN_NAME_BYTES, Math.ceil((Buffer.byteLength(port) + 1) / 4) * 4);
  const id = Buffer.alloc(4 + nameBytes);
  id.writeUInt8(FORMAT_AND_PROTOCOL, 0);
  id.writeUInt16BE(nameBytes, 2);
  id.write(port, 4, 'utf8');
  return id;
}
