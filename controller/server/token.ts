import { createHmac, timingSafeEqual } from 'node:crypto'

/** Opens the API for one Dataflow alone. Nobody has to keep it: it follows from the token that opens all of the API. */
export const tokenFor = (token: string, uid: string) => `${uid}.${signatureOf(token, uid)}`

/** The Dataflow that a token opens the API for. @returns its uid, or undefined when the token is none of ours */
export function uidOf(token: string, given: string): string | undefined {
  const dot = given.lastIndexOf('.')
  if (dot < 1) return undefined
  const uid = given.slice(0, dot)
  return isSame(given.slice(dot + 1), signatureOf(token, uid)) ? uid : undefined
}

/** Compares in a time that tells nothing of where they differ. */
export function isSame(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}

const signatureOf = (token: string, uid: string) =>
  createHmac('sha256', token).update(`dataflow ${uid}`).digest('base64url')
