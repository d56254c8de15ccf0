import { connect as connectTcp, type Socket } from 'node:net'

/** Without user and password. */
export const redact = (url: string) => {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}

/** Over TCP, or TLS where the URL says so. */
export async function dial(url: string): Promise<Socket> {
  const { protocol, hostname, port } = new URL(url)
  const secure = protocol === 'mqtts:' || protocol === 'ssl:'
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (secure ? 8883 : 1883)) }
  if (!secure) return connectTcp(target)
  const tls = await import('node:tls') // 5 MB that a host on a plain connection does without
  return tls.connect({ ...target, servername: target.host })
}
