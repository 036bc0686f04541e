/**
 * The cluster's certificate authority (DESIGN §8). `cluster init` makes it; every full node keeps a copy of its key, so that any node
 * can admit the next one. Certificates outlive the hardware on purpose: an expiry nobody remembers is itself an outage, and what
 * ends a node's right is its removal from the cluster, not a date.
 */
import { EterneError } from '@eterne/base';
import { instantOf } from '@eterne/runtime';
import type { Random } from '@eterne/runtime';
import type { CryptoKey } from './keys.ts';
import {
  createKeyPair,
  exportPrivateKey,
  importPrivateKey,
  KEY_ALGORITHM,
  SIGNING_ALGORITHM,
} from './keys.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from './x509.ts';

/** PEM texts. `keyPem` is the cluster's deepest secret: 0600 on disk, only ever sent to a joining full node. */
export interface Authority {
  readonly certPem: string;
  readonly keyPem: string;
}

/** What a node certificate says besides its key. `hosts` are DNS names and IP addresses without ports. */
export interface CertificateSubject {
  readonly cluster: string;
  readonly node: string;
  readonly hosts: readonly string[];
}

/** What issuing needs of the world: serial numbers and the date. */
export interface IssueContext {
  readonly random: Random;
  readonly nowMs: number;
}

const DAY_MS = 86_400_000;
const LIFETIME_MS = 30 * 365 * DAY_MS;
/** Clocks of servers without NTP differ; a certificate of "just now" must be valid on all of them. */
const BACKDATE_MS = 2 * DAY_MS;
const SERIAL_BYTES = 16;
/** Longest certificate request that is looked at; a P-256 request with many names is under 2 KiB. */
const REQUEST_MAX_CHARS = 16 * 1024;
const HOSTS_MAX = 64;
const IP_ADDRESS = /^[\d.]+$|:/;

/** A self-signed authority named after the cluster. */
export async function createAuthority(cluster: string, context: IssueContext): Promise<Authority> {
  const keys = await createKeyPair();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ O: [cluster] }, { CN: [`Eterne cluster ${cluster}`] }],
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
    ...validity(context),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: certificate.toString('pem'), keyPem: await exportPrivateKey(keys.privateKey) };
}

/**
 * Signs the key of a request for a node; everything else the request says is ignored, because the joining machine does not
 * decide what it is called. PEM. Throws `protocol` when the request is malformed or does not prove possession of its key.
 */
export async function issueCertificate(
  authority: Authority,
  subject: CertificateSubject,
  requestPem: string,
  context: IssueContext,
): Promise<string> {
  const publicKey = await provenKey(requestPem);
  const issuer = new X509Certificate(authority.certPem);
  const certificate = await X509CertificateGenerator.create({
    subject: [{ O: [subject.cluster] }, { CN: [subject.node] }],
    issuer: issuer.subject,
    publicKey,
    signingKey: await importPrivateKey(authority.keyPem),
    signingAlgorithm: SIGNING_ALGORITHM,
    ...validity(context),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension(alternativeNames(subject)),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return certificate.toString('pem');
}

async function provenKey(requestPem: string): Promise<CryptoKey> {
  try {
    if (requestPem.length > REQUEST_MAX_CHARS) throw new Error('too long');
    const request = new Pkcs10CertificateRequest(requestPem);
    const key = await request.publicKey.export(KEY_ALGORITHM, ['verify']);
    if (!(await request.verify())) throw new Error('signature does not match');
    return key;
  } catch (cause) {
    throw new EterneError('protocol', 'the certificate request is not valid', { cause });
  }
}

function alternativeNames(subject: CertificateSubject): { type: 'ip' | 'dns'; value: string }[] {
  const hosts = new Set([
    subject.node,
    'localhost',
    '127.0.0.1',
    '::1',
    ...subject.hosts.slice(0, HOSTS_MAX),
  ]);
  return [...hosts].map((value) => ({ type: IP_ADDRESS.test(value) ? 'ip' : 'dns', value }));
}

function validity({ random, nowMs }: IssueContext) {
  const serial = random.bytes(SERIAL_BYTES);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive and of full length, RFC 5280 §4.1.2.2
  return {
    serialNumber: serial.toString('hex'),
    notBefore: instantOf(nowMs - BACKDATE_MS),
    notAfter: instantOf(nowMs + LIFETIME_MS),
  };
}
