import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { freePort } from './support/brokers.ts'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository } from './support/repository.ts'

const Counts = suite('counts over a restart of the controller')

const yaml = (port: number) => `apiVersion: dyninka.dev/v1
name: counted
sources:
  posted: { http: { port: ${port} } }
functions:
  picky: { code: picky.ts, from: posted, retry: { attempts: 1 } }
`
const code = (value: number) => `export default function picky({ n }: { n: number }): number {
  if (n % 2 === 0) throw new Error('even')
  return ${value}
}
`

Counts('keep what hosts counted that are gone, and go with their dataflow', async () => {
  const repository = await makeRepository()
  const port = await freePort()
  const push = (value: number) => repository.publish({ 'dataflow.yaml': yaml(port), 'picky.ts': code(value) })
  const post = async (records: number) => {
    for (let n = 0; n < records; n++)
      await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: JSON.stringify({ n }) })
  }
  const counts = async () => {
    const { recordsIn, deadLetters } = (await controlled.functions()).picky!
    return `${recordsIn} of which ${deadLetters} failed`
  }
  const areCounted = (what: string) => until(`${what} are counted`, async () => (await counts()) === what)
  await push(1)
  const controlled = await Controlled.over({ repo: repository.bare })
  try {
    await controlled.ready()
    await post(10)
    await areCounted('10 of which 5 failed')
    await controlled.ready(await push(2))
    await until('the first host is gone', () => controlled.processes().length === 2)
    await post(4)
    await areCounted('14 of which 7 failed')
    await controlled.kill()
    await controlled.start()
    await controlled.ready()
    await areCounted('14 of which 7 failed')
    await post(2)
    await areCounted('16 of which 8 failed')
    await repository.publish({ 'dataflow.yaml': null })
    await until('nothing runs', () => controlled.processes().length === 0)
    const file = join(controlled.state, 'traffic/counted.json')
    await until('its counts are gone', () => !existsSync(file))
  } finally {
    await controlled.remove()
    await repository.remove()
  }
})

Counts.run()
