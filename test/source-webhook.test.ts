import { createHmac } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { verify } from '../controller/source/index.ts'

const Webhook = suite('source: webhook')

const secret = "It's a Secret to Everybody"
const event = {
  ref: 'refs/heads/feature/x',
  after: '1c57607da066d00d3fc01e9e8791fade157bf251',
  repository: { clone_url: 'https://forge.example/a/b.git', ssh_url: 'git@forge.example:a/b.git', id: 7 },
}
const body = Buffer.from(JSON.stringify(event))
const sign = (content: Uint8Array, key = secret) => createHmac('sha256', key).update(content).digest('hex')
const push = {
  branch: 'feature/x',
  commit: event.after,
  urls: ['https://forge.example/a/b.git', 'git@forge.example:a/b.git'],
}

Webhook("agrees with the example in GitHub's documentation", () => {
  const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'
  const result = verify({ 'x-hub-signature-256': signature }, Buffer.from('Hello, World!'), secret)
  assert.is('refused' in result && result.refused, 'not-json') // signed rightly, but no event
})

for (const [what, headers] of [
  ['GitHub', { 'x-hub-signature-256': `sha256=${sign(body)}` }],
  ['Gitea', { 'x-gitea-signature': sign(body) }],
  ['both', { 'x-hub-signature-256': `sha256=${sign(body)}`, 'x-gitea-signature': sign(body) }],
] as const) {
  Webhook(`takes what is signed in the way of ${what}`, () => {
    assert.equal(verify(headers, body, secret), push)
  })
}

for (const [what, headers, content, key, refused] of [
  ['has no signature', {}, body, secret, 'no-signature'],
  [
    'is signed with another secret',
    { 'x-gitea-signature': sign(body, 'x') },
    body,
    secret,
    'wrong-signature',
  ],
  [
    'was changed on the way',
    { 'x-gitea-signature': sign(body) },
    Buffer.from('{}'),
    secret,
    'wrong-signature',
  ],
  ['has a short signature', { 'x-hub-signature-256': 'sha256=00' }, body, secret, 'wrong-signature'],
  ['has an empty signature', { 'x-hub-signature-256': '' }, body, secret, 'wrong-signature'],
  ['is signed with SHA-1', { 'x-hub-signature-256': `sha1=${sign(body)}` }, body, secret, 'wrong-signature'],
  ['has two signatures', { 'x-gitea-signature': [sign(body), sign(body)] }, body, secret, 'no-signature'],
  ['comes when there is no secret', { 'x-gitea-signature': sign(body, '') }, body, '', 'no-secret'],
] as const) {
  Webhook(`refuses what ${what}`, () => {
    const result = verify(headers as Parameters<typeof verify>[0], content, key)
    assert.is('refused' in result && result.refused, refused)
  })
}

for (const [what, content, expected] of [
  ['a deleted branch', { ref: 'refs/heads/x', after: '0'.repeat(40) }, { branch: 'x', urls: [] }],
  ['a tag', { ref: 'refs/tags/v1', after: 'abc' }, { commit: 'abc', urls: [] }],
  ['a ping', { zen: 'Keep it logically awesome.' }, { urls: [] }],
  ['null', null, { urls: [] }],
  ['odd types', { ref: 1, after: {}, repository: 'x' }, { urls: [] }],
] as const) {
  Webhook(`takes ${what} for no more than it is`, () => {
    const bytes = Buffer.from(JSON.stringify(content))
    assert.equal(verify({ 'x-gitea-signature': sign(bytes) }, bytes, secret), expected)
  })
}

Webhook.run()
