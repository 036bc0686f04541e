/**
 * Credentials of a gRPC channel that tell a server its name only where it is a name: gRPC's own tell it an address, too, which RFC 6066 §3 forbids and Node.js is going to ignore
 * (grpc-node issue 1919). Who the server is is checked as they do it (`runtime/node/named-tls.ts`).
 */
import { CallCredentials, ChannelCredentials, experimental } from '@grpc/grpc-js';
import { secureNamed, type SecureContext } from '@eterne/runtime/node/named-tls.ts';

export class NamedTlsCredentials extends ChannelCredentials {
  readonly #context: SecureContext;

  constructor(context: SecureContext) {
    super();
    this.#context = context;
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return other === this;
  }

  override _createSecureConnector(
    { path }: experimental.GrpcUri,
    _options: object,
    callCredentials = CallCredentials.createEmpty(),
  ): experimental.SecureConnector {
    const host = experimental.splitHostPort(path)?.host ?? path;
    return {
      connect: async (socket) => ({
        socket: await secureNamed(socket, host, 'h2', this.#context),
        secure: true,
      }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials,
      destroy: () => {},
    };
  }
}
