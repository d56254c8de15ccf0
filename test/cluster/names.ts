import { createSocket } from 'node:dgram'
import type { Ledger } from './ledger.ts'

/** Types of records, and codes of answers, as RFC 1035 numbers them. */
const addressType = 1
const noSuchName = 3
const headerBytes = 12
const ttlSeconds = 5

/** @returns the address of a Service; undefined when there is none */
export type LookUp = (service: string, namespace: string) => Promise<string | undefined>

/** Answers pods that ask for Services by name, `broker.iot.svc.cluster.local`, on port 53 of an address. It knows no other
 *  names. */
export async function startNames(ledger: Ledger, address: string, lookUp: LookUp): Promise<void> {
  const socket = createSocket('udp4')
  socket.on('message', async (query, from) => {
    const reply = await answer(query, lookUp).catch(() => undefined) // it asks again
    if (reply) socket.send(reply, from.port, from.address)
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(53, address, resolve)
  })
  socket.on('error', () => {}) // of a pod that is gone
  socket.unref()
  ledger.afterwards(async () => void socket.close())
}

/** @returns undefined for what is no query */
export async function answer(query: Buffer, lookUp: LookUp): Promise<Buffer | undefined> {
  const question = questionOf(query)
  if (!question) return undefined
  const { name, type, end } = question
  const [, service, namespace] = /^([^.]+)\.([^.]+)\.svc\.cluster\.local$/i.exec(name) ?? []
  const address = service && (await lookUp(service.toLowerCase(), namespace!.toLowerCase()))
  const records = address && type === addressType ? [recordOf(address)] : []
  const header = Buffer.alloc(headerBytes)
  query.copy(header, 0, 0, 2) // whose answer it is
  // A response, authoritative; recursion desired as it was asked for, and available.
  header.writeUInt16BE(0x8480 | (query.readUInt16BE(2) & 0x0100) | (address ? 0 : noSuchName), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, query.subarray(headerBytes, end), ...records])
}

/** The one question of a query, and where it ends. */
function questionOf(query: Buffer): { name: string; type: number; end: number } | undefined {
  if (query.length < headerBytes || query.readUInt16BE(4) !== 1) return undefined
  const labels: string[] = []
  let at = headerBytes
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const end = at + 5
  if (end > query.length) return undefined
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end }
}

/** An A record for the name of the question. */
function recordOf(address: string): Buffer {
  const record = Buffer.alloc(16)
  record.writeUInt16BE(0xc000 | headerBytes, 0) // the name is there already
  record.writeUInt16BE(addressType, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt32BE(ttlSeconds, 6)
  record.writeUInt16BE(4, 10)
  Buffer.from(address.split('.').map(Number)).copy(record, 12)
  return record
}
