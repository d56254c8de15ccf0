import type { Sink } from './sink.ts'

/** POSTs each record as JSON; the record's id goes along, so that a receiver can drop repeats. */
export function httpSink(
  { url, headers }: { url: string; headers: Record<string, string> },
  sent: (bytes: number) => void,
): Sink {
  return {
    async handler(value, { signal, record }) {
      const body = JSON.stringify(value)
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': record.id, ...headers },
        body,
        signal,
      })
      await response.arrayBuffer() // frees the connection for the next record
      if (!response.ok)
        throw new Error(`${new URL(url).origin} answered ${response.status} ${response.statusText}`)
      sent(Buffer.byteLength(body))
    },
    close: async () => {},
  }
}
