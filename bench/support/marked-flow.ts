import { wireTransport } from '../../runtime/wire-transport.ts'

/** A function that tells with each record of which version it is. */
export const markCode = (version: number) => `import type { Context } from 'dyninka'
export default function mark(n: number, ctx: Context<{ outputs: { rare: number } }>): { n: number; version: number } {
  if (n % 100 === 0) ctx.emit('rare', n)
  return { n, version: ${version} }
}
`

/** The files of a dataflow around it. @param others so many more functions, on a side branch that few records reach */
export function markedFlow(others: number): Record<string, string> {
  const names = Array.from({ length: others }, (_, i) => `other${i}`)
  const functions = names.map(
    (name, i) => `  ${name}: { code: ${name}.ts, from: ${i === 0 ? 'mark.rare' : names[i - 1]} }`,
  )
  return {
    'dataflow.yaml': `apiVersion: dyninka.dev/v1
name: bench
sources:
  numbers: { mqtt: bench/in }
functions:
  mark: { code: mark.ts, from: numbers }
${functions.join('\n')}
sinks:
  out: { from: mark, mqtt: bench/out }
`,
    'mark.ts': markCode(0),
    ...Object.fromEntries(
      names.map((name, i) => [`${name}.ts`, `export default (n: number): number => n + ${i}\n`]),
    ),
  }
}

/** Numbers at a steady rate into the source, and what comes of them out of the sink. */
export async function markedLoad(url: string, perSecond: number) {
  const arrived = new Set<number>()
  const firstBy = new Map<number, number>()
  const connection = await wireTransport(url).connect({
    clientId: 'bench',
    clean: true,
    onMessage(message) {
      message.ack()
      const { n, version } = JSON.parse(message.payload.toString()) as { n: number; version: number }
      arrived.add(n)
      if (!firstBy.has(version)) firstBy.set(version, performance.now())
    },
    onClose() {},
  })
  await connection.subscribe(['bench/out'], 1)
  let sent = 0
  const start = performance.now()
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - start) / 1000) * perSecond)
    for (; sent < due; sent++) void connection.publish('bench/in', String(sent))
  }, 5)
  let elapsedMs = 0
  return {
    /** By version: when the first record came, by the clock of `performance.now()`. */
    firstBy,
    sent: () => sent,
    missing: () => sent - arrived.size,
    /** Records a second, once it has stopped. */
    rate: () => Math.round(sent / (elapsedMs / 1000)),
    async stop() {
      clearInterval(timer)
      elapsedMs = performance.now() - start
    },
    close: () => connection.close(),
  }
}
