import { Problem } from '../../schema/problem.ts'

/** Takes `host:port` apart. @throws Problem when it is none */
export function parseListen(listen: string): [address: string, port: number] {
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:]*)):(?<port>\d+)$/.exec(listen)
  const { v6, name, port } = match?.groups ?? {}
  if (!match || Number(port) > 65_535) {
    throw new Problem('BadListen', `${listen} is not an address`, {
      disposition: 'stalled',
      hint: 'Write it as 127.0.0.1:4780.',
    })
  }
  return [v6 ?? (name || '0.0.0.0'), Number(port)]
}
