import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  deflateRawSync,
  inflateRawSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'
import { flatLength } from '../runtime/flat.ts'
import { decode, FrameBuilder } from '../runtime/frame.ts'
import { type Bench, type Figure, median } from './figure.ts'

interface Format {
  encode(value: unknown): Buffer
  decode(bytes: Buffer): unknown
}

/** Only this bench uses them. @throws saying how to install what is missing */
async function codec(name: string, encode: string, decode: string): Promise<Format> {
  const library = await import(name).catch(() => {
    throw new Error(`first: npm install --no-save ${codecs.join(' ')}`)
  })
  return { encode: library[encode], decode: library[decode] }
}
const codecs = ['cbor-x', 'msgpackr']

const formats: Record<string, Format> = {
  JSON: {
    encode: value => Buffer.from(JSON.stringify(value)),
    decode: bytes => JSON.parse(bytes.toString()),
  },
  'JSON in tables, as it is sent': {
    encode: frame => framed((frame as ReturnType<typeof frameOf>).r),
    decode,
  },
  MessagePack: await codec('msgpackr', 'pack', 'unpack'),
  CBOR: await codec('cbor-x', 'encode', 'decode'),
}
const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } }
const compressions: Record<string, { pack(bytes: Buffer): Buffer; unpack(bytes: Buffer): Buffer }> = {
  plain: { pack: bytes => bytes, unpack: bytes => bytes },
  deflate: { pack: bytes => deflateRawSync(bytes, { level: 1 }), unpack: bytes => inflateRawSync(bytes) },
  zstd: { pack: bytes => zstdCompressSync(bytes), unpack: bytes => zstdDecompressSync(bytes) },
  brotli: { pack: bytes => brotliCompressSync(bytes, quality), unpack: bytes => brotliDecompressSync(bytes) },
}
const sizes = [1, 50, 250]
const minMs = 60

/** Frames of sensor readings: bytes on the wire, and CPU to encode and decode, for each record. */
export default {
  name: 'formats',
  async run({ runs }) {
    const figures: Figure[] = []
    for (const records of sizes) {
      const frame = frameOf(records)
      let baseline: { bytes: number; micros: number } | undefined
      for (const [format, { encode, decode }] of Object.entries(formats)) {
        for (const [compression, { pack, unpack }] of Object.entries(compressions)) {
          const bytes = pack(encode(frame)).length / records
          const micros = median(
            Array.from({ length: runs }, () => cpuOf(() => decode(unpack(pack(encode(frame)))))),
          )
          const figure = { bytes, micros: micros / records }
          baseline ??= figure
          const name = `${records} in a frame, ${format}${compression === 'plain' ? '' : `, ${compression}`}`
          const peer = `JSON, ${records} in a frame`
          figures.push(
            {
              name,
              value: figure.bytes,
              unit: 'B/record',
              better: 'lower',
              peer,
              ratio: figure.bytes / baseline.bytes,
            },
            {
              name: `${name}: encode and decode`,
              value: figure.micros,
              unit: 'µs/record',
              better: 'lower',
              peer,
              ratio: figure.micros / baseline.micros,
            },
          )
        }
      }
    }
    return figures
  },
} satisfies Bench

/** CPU of one call, µs. */
function cpuOf(work: () => unknown): number {
  for (let i = 0; i < 20; i++) work()
  const cpu = () => {
    const { user, system } = process.threadCpuUsage()
    return user + system
  }
  const start = cpu()
  let calls = 0
  while (cpu() - start < minMs * 1000) {
    work()
    calls += 1
  }
  return (cpu() - start) / calls
}

function framed(rows: ReturnType<typeof frameOf>['r']): Buffer {
  const frame = new FrameBuilder()
  for (const [, seq, time, room, value] of rows)
    frame.add('thermometers.0', seq, time, room, value, undefined, flatLength(value))
  return Buffer.from(frame.build(0))
}

/** A frame as it is on an edge, with readings as sensors of many rooms give them. */
function frameOf(records: number) {
  let state = 42
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const readings = Array.from({ length: records }, (_, i) => {
    const room = `room-${Math.floor(random() * 200)}`
    return [
      0,
      1_000_000 + i,
      1_795_547_657_818 + i * 3,
      room,
      {
        device: `sensor-${Math.floor(random() * 10_000)}`,
        room,
        at: new Date(1_795_547_657_818 + i * 3).toISOString(),
        celsius: Math.round((15 + random() * 10) * 10) / 10,
        humidity: Math.round((30 + random() * 40) * 10) / 10,
        battery: Math.round((2.5 + random()) * 100) / 100,
        occupied: random() < 0.3,
      },
    ] as const
  })
  return { v: 1, p: 0, o: ['thermometers.0'], r: readings }
}
