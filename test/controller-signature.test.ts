import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Cli, cli, temporaryFolder } from './support/cli.ts'
import { makeRepository } from './support/repository.ts'

const Signed = suite('dyninka run --allowed-signers')

const yaml = `apiVersion: dyninka.dev/v1
name: signed
sources:
  tick: { every: 100ms }
functions:
  count: { code: count.ts, from: tick }
`

Signed('runs what is signed, and goes on with the last good revision after a push that is not', async () => {
  const repository = await makeRepository()
  const folder = await temporaryFolder()
  const key = join(folder, 'key')
  await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  await writeFile(join(folder, 'signers'), `ada@example.org ${await readFile(`${key}.pub`, 'utf8')}`)
  const push = async (value: number, isSigned: boolean) => {
    await repository.write({ 'dataflow.yaml': yaml, 'count.ts': `export default () => ${value}\n` })
    await repository.git('add', '--all')
    const how = isSigned ? ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${key}`] : []
    await repository.git(...how, 'commit', '--quiet', '-m', `Say ${value}`, ...(isSigned ? ['-S'] : []))
    await repository.push()
    return (await repository.git('rev-parse', '--short=7', 'HEAD')).trim()
  }
  const state = join(folder, 'state')
  const args = ['run', '--repo', repository.bare, '--state', state, '--listen', '127.0.0.1:0']
  const first = await push(1, true)
  const run = new Cli([...args, '--allowed-signers', join(folder, 'signers')])
  const status = async () => JSON.parse((await cli(['status', '--state', state, '--json'])).stdout)
  const pids = (of: { dataflows: { functions: { hosts: { pid: number }[] }[] }[] }) =>
    of.dataflows[0]!.functions.map(({ hosts }) => hosts.map(({ pid }) => pid))
  try {
    await run.says('signed is ready')
    const before = await status()
    assert.match(before.dataflows[0].revision, first)
    await push(2, false)
    await run.says(/! .*sign/)
    const after = await status()
    assert.is(after.source.trouble.reason, 'SignatureRequired')
    assert.equal(pids(after), pids(before))
    const third = await push(3, true)
    await run.says(/signed is ready after .*swapped count/)
    assert.match((await status()).dataflows[0].revision, third)
  } finally {
    await cli(['stop', '--state', state])
    run.process.kill()
    await run.end()
    await repository.remove()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
})

Signed.run()
