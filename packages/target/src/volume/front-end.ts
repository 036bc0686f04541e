/**
 * A mirrored volume as an iSCSI target with one LUN, on every node of the volume. The node that is primary runs the target; the others hand
 * their initiators on to it, so that all see one logical unit, one set of reservations and one order of commands whichever node they
 * talk to.
 * ```
 *   initiator ──▶ node a (primary): target ──▶ device of the term
 *   initiator ──▶ node b ──front channel──▶ node a
 * ```
 * 1. A target belongs to one term: its sessions end with it, and no session reaches into another term.
 * 2. It is served only when the reservations of the terms before are settled (`FrontState.begin`).
 * 3. Where nobody serves, log-ins are refused as "service unavailable", which initiators try again.
 * 4. Names, serial and identifiers come from the target name and the volume's name alone: they are the same on every node.
 */
import { EterneError } from '@eterne/base';
import type { FrontEnd, FrontEndSite } from '@eterne/disk/process/front-end.ts';
import { FrontStream } from '@eterne/disk/process/front-stream.ts';
import type { IscsiExport } from '@eterne/disk/process/port.ts';
import type { ByteDevice } from '@eterne/disk/nbd/byte-device.ts';
import type { Address, BlockDevice, DeviceDone, Listener, Stream } from '@eterne/runtime';
import { identityFrom } from '../scsi/identity.ts';
import { LogicalUnit } from '../scsi/logical-unit.ts';
import type { TargetPort } from '../scsi/ports.ts';
import { ReservationKeeper } from '../scsi/reservations/keeper.ts';
import { ScsiTarget } from '../scsi/scsi-target.ts';
import { TargetServer } from '../target-server.ts';
import { volumeReservations } from './volume-reservations.ts';

const VOLUME_LUN = 1;

export class VolumeFrontEnd implements FrontEnd {
  readonly #site: FrontEndSite;
  readonly #spec: IscsiExport;
  readonly #server: TargetServer;
  /** By node. */
  readonly #ports: ReadonlyMap<string, TargetPort>;
  #listener: Listener | undefined;
  #served: ByteDevice | undefined;
  /** Of the term that is served; undefined: initiators are told to come again. */
  #unit: LogicalUnit | undefined;

  private constructor(site: FrontEndSite, spec: IscsiExport) {
    this.#site = site;
    this.#spec = spec;
    this.#server = new TargetServer(site.world);
    this.#server.announce(spec.iqn);
    this.#ports = portsOf(site);
  }

  static listen(site: FrontEndSite, spec: IscsiExport, done: (result: FrontEnd | EterneError) => void): void {
    const frontEnd = new VolumeFrontEnd(site, spec);
    site.world.network.listen(
      spec.listen,
      (stream) => frontEnd.#arrived(stream),
      (listener) => {
        if (listener instanceof EterneError) return done(listener);
        frontEnd.#listener = listener;
        done(frontEnd);
      },
    );
  }

  get address(): Address {
    return this.#listener?.address ?? '';
  }

  serve(bytes: ByteDevice): void {
    if (this.#served === bytes) return;
    this.withdraw();
    this.#served = bytes;
    this.#site.state.begin((error) => {
      if (this.#served !== bytes) return;
      if (error === undefined) this.#open(bytes);
      else this.#complain(error);
    });
  }

  withdraw(): void {
    this.#served = undefined;
    this.#unit = undefined;
    this.#server.withdraw(this.#spec.iqn, () => {});
  }

  resized(): void {
    this.#unit?.capacityChanged();
  }

  close(): void {
    this.#listener?.close();
    this.#served = undefined;
    this.#server.close(() => {});
  }

  accept(stream: Stream, fromNode: string, portal: Address): void {
    const port = this.#ports.get(fromNode);
    if (this.#unit === undefined || port === undefined) return stream.destroy();
    this.#server.admit(new FrontStream(stream, this.#site.world, { kind: 'primary' }), { portal, port });
  }

  #arrived(stream: Stream): void {
    const port = this.#ports.get(this.#site.config.node);
    if (port === undefined) return stream.destroy();
    const here = (): void => this.#server.admit(stream, { portal: stream.localAddress, port });
    if (this.#unit !== undefined) here();
    else this.#site.forward(stream, here);
  }

  #open(bytes: ByteDevice): void {
    const { config, state } = this.#site;
    ReservationKeeper.open(volumeReservations(state, config.name), (keeper) => {
      if (keeper instanceof EterneError) return this.#complain(keeper);
      const ended = (): void => {
        if (this.#served === bytes) this.withdraw();
      };
      const attributes = {
        blockBytes: 512,
        thin: true,
        removable: false,
        identity: identityFrom(`${this.#spec.iqn} ${config.name}`),
        soon: (fire: () => void) => this.#site.world.timers.soon(fire),
      } as const;
      const unit = new LogicalUnit(VOLUME_LUN, deviceOfTerm(bytes, ended), attributes, keeper);
      const { iqn, initiators = [], chap } = this.#spec;
      this.#server.serve({
        scsi: new ScsiTarget(
          iqn,
          [unit],
          [...this.#ports.values()].map((port) => this.#stateOf(port)),
        ),
        initiators,
        chap,
      });
      this.#unit = unit;
    });
  }

  /** This node serves, so its port is the short way. */
  #stateOf(port: TargetPort): TargetPort {
    const isOurs = port === this.#ports.get(this.#site.config.node);
    return { ...port, state: isOurs ? 'active-optimized' : 'active-non-optimized' };
  }

  /** Initiators keep being told to come again. */
  #complain(error: EterneError): void {
    const fields = { volume: this.#site.config.name, reason: error.message };
    this.#site.world.log('error', 'the iSCSI target cannot be served', fields);
  }
}

/** A port for each node, numbered in the order of their names: every node counts alike. */
function portsOf({ config }: FrontEndSite): ReadonlyMap<string, TargetPort> {
  const nodes = [config.node, ...Object.keys(config.peers)].sort();
  return new Map(
    nodes.map((node, index) => [
      node,
      { group: index + 1, relative: index + 1, state: 'active-non-optimized' },
    ]),
  );
}

/**
 * A term's device to SCSI. All front ends of a volume change it through one `ByteDevice` (see there). A command that fails because the term has ended
 * is not answered with an error, which applications would see: `ended` cuts its connection first, and the initiator asks again where the volume
 * is served next.
 */
function deviceOfTerm(bytes: ByteDevice, ended: () => void): BlockDevice {
  const { device } = bytes;
  const told = (done: DeviceDone): DeviceDone => {
    return (error) => {
      if (error === 'ESHUTDOWN') ended();
      done(error);
    };
  };
  return {
    name: device.name,
    get sizeBytes() {
      return device.sizeBytes;
    },
    readOnly: device.readOnly,
    term: device.term,
    read(offset, lengthBytes, done) {
      bytes.read(offset, lengthBytes, (error, data) => {
        if (error === 'ESHUTDOWN') ended();
        done(error, data);
      });
    },
    write: (offset, data, fua, done) => bytes.write(offset, data, fua, told(done)),
    flush: (done) => bytes.flush(told(done)),
    discard: (offset, lengthBytes, done) => bytes.discard(offset, lengthBytes, told(done)),
    writeZeroes: (offset, lengthBytes, mayPunch, fua, done) =>
      bytes.writeZeroes(offset, lengthBytes, mayPunch, fua, told(done)),
    ...(device.nextExtent === undefined
      ? {}
      : { nextExtent: (offset, done) => device.nextExtent?.(offset, done) }),
  };
}
