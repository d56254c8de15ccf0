import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { Problem } from '../../schema/problem.ts'
import { blobOf, jsonBlob, mediaTypes } from './blob.ts'
import type { ImageManifest } from './image.ts'
import type { Repository } from './registry/repository.ts'

const simpleSigning = 'application/vnd.dev.cosign.simplesigning.v1+json'
const annotation = 'dev.cosignproject.cosign/signature'

/** Reads a private key. @param pem PKCS #8 or SEC 1, ECDSA on P-256, not encrypted @throws Problem */
export function signingKey(pem: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (error) {
    const isEncrypted = pem.includes('ENCRYPTED')
    throw wrongKey(isEncrypted ? 'it is encrypted' : 'it is no private key in PEM', error)
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw wrongKey('it is not for ECDSA on the curve P-256')
  return key
}

/** In PEM, for `cosign verify --key`. */
export const publicKeyOf = (key: KeyObject) =>
  createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()

/**
 * Signs an image as cosign does: a statement that names it by its digest, and its signature, under the tag
 * `sha256-….sig` (cosign, `specs/SIGNATURE_SPEC.md`). Signatures of others that are there stay.
 * @returns bytes sent
 */
export async function signImage(digest: string, key: KeyObject, to: Repository): Promise<number> {
  const payload = JSON.stringify({
    critical: {
      identity: { 'docker-reference': to.address },
      image: { 'docker-manifest-digest': digest },
      type: 'cosign container image signature',
    },
    optional: null,
  })
  const signature = sign('sha256', Buffer.from(payload), key).toString('base64')
  const layer = blobOf(simpleSigning, Buffer.from(payload))
  const tag = `${digest.replace(':', '-')}.sig`
  const others = (await layersUnder(tag, to)).filter(
    other => !isBy(key, payload, other, layer.descriptor.digest),
  )
  const layers = [...others, { ...layer.descriptor, annotations: { [annotation]: signature } }]
  const config = jsonBlob(mediaTypes.config, {
    architecture: '',
    os: '',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(other => other.digest) },
  })
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: config.descriptor,
    layers,
  }
  const root = jsonBlob(mediaTypes.manifest, manifest)
  const sent = await Promise.all([layer, config].map(blob => to.putBlob(blob)))
  await to.putManifest(root, tag)
  return sent.reduce((sum, bytes) => sum + bytes, root.descriptor.size)
}

async function layersUnder(tag: string, to: Repository): Promise<ImageManifest['layers']> {
  const stored = await to.manifest(tag)
  return stored ? (JSON.parse(stored.content.toString('utf8')) as ImageManifest).layers : []
}

/** ECDSA signs the same with another number each time, so a signature of ours is known by checking it. */
function isBy(
  key: KeyObject,
  payload: string,
  layer: ImageManifest['layers'][number],
  digest: string,
): boolean {
  const signature = Buffer.from(layer.annotations?.[annotation] ?? '', 'base64')
  return layer.digest === digest && verify('sha256', Buffer.from(payload), createPublicKey(key), signature)
}

const wrongKey = (why: string, cause?: unknown) =>
  new Problem('SigningKeyUnusable', `images can not be signed with this key: ${why}`, {
    disposition: 'waiting',
    hint: 'Make one with `openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt`.',
    cause,
  })
