/** The joining side: a fresh key and the request (PKCS #10) that proves possession of it. */
import { createKeyPair, exportPrivateKey, SIGNING_ALGORITHM } from './keys.ts';
import { Pkcs10CertificateRequestGenerator } from './x509.ts';

/** `keyPem` never leaves the machine; `requestPem` goes to the cluster. */
export interface KeyAndRequest {
  readonly keyPem: string;
  readonly requestPem: string;
}

export async function createRequest(node: string): Promise<KeyAndRequest> {
  const keys = await createKeyPair();
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [node] }],
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
  });
  return { keyPem: await exportPrivateKey(keys.privateKey), requestPem: request.toString('pem') };
}
