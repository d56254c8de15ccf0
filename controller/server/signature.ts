import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Problem } from '../../schema/problem.ts'

/** Checks that a webhook comes from the forge: GitHub signs as `sha256=…`, Gitea and Forgejo in a header of
 *  their own. @throws Problem when it doesn't, or no secret is set */
export function checkSignature(secret: string | undefined, headers: IncomingHttpHeaders, body: Buffer): void {
  if (secret === undefined) {
    throw new Problem('BadSignature', 'webhooks are off', {
      hint: 'Start with --webhook-secret, and give the forge the same.',
    })
  }
  const given =
    headers['x-hub-signature-256'] ?? headers['x-gitea-signature'] ?? headers['x-forgejo-signature'] ?? ''
  const digest = Buffer.from(String(given).replace(/^sha256=/, ''), 'hex')
  const right = createHmac('sha256', secret).update(body).digest()
  if (digest.length !== right.length || !timingSafeEqual(digest, right)) {
    throw new Problem('BadSignature', 'the signature of the webhook is missing or wrong', {
      hint: 'Is the secret of the forge that of --webhook-secret?',
    })
  }
}
