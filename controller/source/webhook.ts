import { createHmac, timingSafeEqual } from 'node:crypto'

/** What a forge says has happened. It is a reason to look, never a source of what is there. */
export interface Push {
  branch?: string
  commit?: string
  /** Of the repository, in all the spellings that the forge gives. */
  urls: string[]
}

/** Why a request is not taken. */
export interface Refusal {
  refused: 'no-secret' | 'no-signature' | 'wrong-signature' | 'not-json'
  message: string
}

type Headers = { [name: string]: string | string[] | undefined }

/**
 * Checks that a push event of GitHub or Gitea (or Forgejo) comes from who knows the secret.
 * @param headers by lower-case name, as Node gives them
 * @param body the bytes as they came
 */
export function verify(headers: Headers, body: Uint8Array, secret: string): Push | Refusal {
  if (secret === '') return { refused: 'no-secret', message: 'no secret is set for webhooks' }
  const signature = signatureIn(headers)
  if (signature === undefined)
    return { refused: 'no-signature', message: 'neither x-hub-signature-256 nor x-gitea-signature is there' }
  const expected = createHmac('sha256', secret).update(body).digest()
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected))
    return { refused: 'wrong-signature', message: 'the signature is not that of the body with our secret' }
  try {
    return pushIn(JSON.parse(Buffer.from(body).toString()))
  } catch {
    return { refused: 'not-json', message: 'the body is not JSON: set the content type application/json' }
  }
}

/** GitHub writes `sha256=<hex>`, Gitea plain hex in a header of its own, or GitHub's. */
function signatureIn(headers: Headers): Buffer | undefined {
  const text = headers['x-hub-signature-256'] ?? headers['x-gitea-signature']
  if (typeof text !== 'string') return undefined
  const hex = /^(?:sha256=)?([0-9a-f]{64})$/i.exec(text.trim())?.[1]
  return Buffer.from(hex ?? '', 'hex')
}

function pushIn(event: unknown): Push {
  const { ref, after, repository } = (event ?? {}) as { [field: string]: unknown }
  const urls = ['clone_url', 'ssh_url', 'git_url', 'html_url']
    .map(field => (repository as { [field: string]: unknown } | undefined)?.[field])
    .filter(url => typeof url === 'string')
  const branch = typeof ref === 'string' ? /^refs\/heads\/(.+)$/.exec(ref)?.[1] : undefined
  const gone = /^0+$/
  return {
    urls,
    ...(branch !== undefined && { branch }),
    ...(typeof after === 'string' && !gone.test(after) && { commit: after }),
  }
}
