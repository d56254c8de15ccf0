import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ApiServer, startApiServer } from './api-server.ts'
import { define } from './support/stage.ts'

const Admission = suite('admission of a Dataflow')
let api: ApiServer

Admission.before(async () => {
  api = await startApiServer()
  await define(api)
})
Admission.after(async () => {
  await api?.stop()
})

const right = {
  source: { url: 'https://git.example.org/flows.git' },
  broker: { url: 'mqtt://broker.iot:1883' },
}

/** @returns what kubectl said of a dry run on the server */
async function offered(spec: unknown, name = 'etl'): Promise<string> {
  const file = join(api.folder, 'offered.json')
  const object = { apiVersion: 'dyninka.dev/v1', kind: 'Dataflow', metadata: { name }, spec }
  await writeFile(file, JSON.stringify(object))
  return api.kubectl('apply', '--dry-run=server', '-f', file).catch(String)
}

const source = (fields: object) => ({ ...right, source: { ...right.source, ...fields } })
const broker = (fields: object) => ({ ...right, broker: fields })

const zoned = (fields: object) => ({ zone: 'edge', managed: {}, ...fields })

const accepted: [what: string, spec: object][] = [
  ['the least', right],
  [
    'all of it',
    {
      ...right,
      source: {
        url: 'ssh://git@git.example.org/flows.git',
        branch: 'release/1.0',
        path: 'flows/etl',
        interval: '5m',
        secretRef: { name: 'git' },
        verify: { secretRef: { name: 'signers' } },
      },
      secretRef: { name: 'values' },
      registry: { image: 'registry.example.org:5000/team', secretRef: { name: 'registry' }, insecure: true },
      forge: { type: 'gitea', url: 'https://git.example.org', secretRef: { name: 'forge' } },
      placement: { zoneKey: 'topology.kubernetes.io/zone', nodeSelector: { disk: 'ssd' } },
      suspend: true,
      deletionPolicy: 'Orphan',
    },
  ],
  ['an address as scp has it', source({ url: 'git@git.example.org:flows.git' })],
  ['a broker with credentials', broker({ secretRef: { name: 'broker' } })],
  [
    'what a suggestion has to hold against',
    {
      ...right,
      forge: {
        type: 'github',
        secretRef: { name: 'a' },
        pullRequests: {
          every: '1m',
          settle: '30s',
          cooldown: '2h',
          horizon: '8h',
          holding: 3,
          threshold: 10,
        },
      },
    },
  ],
  ['a managed broker', broker({ managed: {} })],
  [
    'brokers of zones',
    broker({
      url: 'mqtt://broker.iot:1883',
      zones: [
        { zone: 'edge-1', managed: { storage: '2Gi', storageClassName: 'local' } },
        { zone: 'Edge_2.lyon', url: 'mqtts://edge.example.org' },
        { zone: 'edge-3', secretRef: { name: 'edge-3' } },
      ],
    }),
  ],
]
for (const [what, spec] of accepted) {
  Admission(`takes ${what}`, async () => {
    assert.match(await offered(spec), /dataflow\S* created \(server dry run\)/)
  })
}

const refused: [what: string, spec: object, path: string, why: RegExp][] = [
  ['no source', { broker: right.broker }, 'spec.source', /Required value/],
  ['no broker', { source: right.source }, 'spec.broker', /Required value/],
  ['no URL', { ...right, source: {} }, 'spec.source.url', /Required value/],
  ['a field that there is not', source({ brunch: 'main' }), 'spec.source.brunch', /unknown field/],
  ['a number for a branch', source({ branch: 5 }), 'spec.source.branch', /must be of type string/],
  ['a path on the controller', source({ url: '/etc' }), 'spec.source.url', /write it as https/],
  ['a local URL', source({ url: 'file:///etc' }), 'spec.source.url', /write it as https/],
  ['a helper that runs a program', source({ url: 'ext::sh -c id' }), 'spec.source.url', /write it as https/],
  [
    'a password in the URL',
    source({ url: 'https://ada:secret@git.example.org/a.git' }),
    'spec.source.url',
    /put user and password into a Secret/,
  ],
  [
    'a branch that is an option',
    source({ branch: '--upload-pack=id' }),
    'spec.source.branch',
    /should match/,
  ],
  ['a path that leaves the repository', source({ path: 'a/../../b' }), 'spec.source.path', /without \.\./],
  ['an interval without a unit', source({ interval: '30' }), 'spec.source.interval', /should match/],
  ['an interval that is too short', source({ interval: '10ms' }), 'spec.source.interval', /one second/],
  ['a Secret without a name', source({ secretRef: {} }), 'spec.source.secretRef.name', /Required value/],
  [
    'credentials over git://',
    source({ url: 'git://git.example.org/a', secretRef: { name: 'a' } }),
    'spec.source.secretRef',
    /no credentials/,
  ],
  ['a broker that is none', broker({}), 'spec.broker', /give one of url/],
  ['two brokers', broker({ url: 'mqtt://a', managed: {} }), 'spec.broker', /give one of url/],
  ['a broker that speaks HTTP', broker({ url: 'http://a' }), 'spec.broker.url', /mqtt:\/\/host/],
  [
    'a password in the URL of the broker',
    broker({ url: 'mqtt://a:b@c' }),
    'spec.broker.url',
    /into a Secret/,
  ],
  ...(
    [
      ['a broker of no zone', [{ managed: {} }], 'zones[0].zone', /Required value/],
      ['a zone without a broker', [{ zone: 'a' }], 'zones[0]', /give one of url/],
      ['two brokers of a zone', [{ zone: 'a', url: 'mqtt://b', managed: {} }], 'zones[0]', /give one of url/],
      ['a zone that comes twice', [zoned({}), zoned({})], 'zones[1]', /Duplicate value/],
      ['a zone that no label can name', [zoned({ zone: 'a/b' })], 'zones[0].zone', /should match/],
      [
        'the broker of a zone that speaks HTTP',
        [{ zone: 'a', url: 'http://b' }],
        'zones[0].url',
        /mqtt:\/\//,
      ],
      [
        'a password in the URL of the broker of a zone',
        [{ zone: 'a', url: 'mqtt://b:c@d' }],
        'zones[0].url',
        /into a Secret/,
      ],
      ['a volume of no size', [zoned({ managed: { storage: 'much' } })], 'zones[0].managed.storage', /match/],
    ] as const
  ).map(([what, zones, path, why]): [string, object, string, RegExp] => [
    what,
    broker({ managed: {}, zones }),
    `spec.broker.${path}`,
    why,
  ]),
  [
    'a registry with a scheme',
    { ...right, registry: { image: 'https://registry' } },
    'spec.registry.image',
    /without a scheme/,
  ],
  [
    'a forge that nobody knows',
    { ...right, forge: { type: 'forge', secretRef: { name: 'a' } } },
    'spec.forge.type',
    /Unsupported value/,
  ],
  ...(
    [
      ['a look at what was measured ten times a second', { every: '100ms' }, 'every', /one second/],
      ['a move that has to pay at once', { horizon: '0h' }, 'horizon', /should match/],
      ['a cooldown without a unit', { cooldown: '30' }, 'cooldown', /should match/],
      ['a move that has to save in no window', { holding: 0 }, 'holding', /greater than or equal to 1/],
      [
        'a move that has to save more than there is',
        { threshold: 100 },
        'threshold',
        /less than or equal to 99/,
      ],
    ] as const
  ).map(([what, pullRequests, field, why]): [string, object, string, RegExp] => [
    what,
    { ...right, forge: { type: 'github', secretRef: { name: 'a' }, pullRequests } },
    `spec.forge.pullRequests.${field}`,
    why,
  ]),
  [
    'another deletion policy',
    { ...right, deletionPolicy: 'Keep' },
    'spec.deletionPolicy',
    /supported values: "Delete", "Orphan"/,
  ],
]
for (const [what, spec, path, why] of refused) {
  Admission(`refuses ${what}, and names ${path}`, async () => {
    const said = await offered(spec)
    assert.ok(said.includes(path), said)
    assert.match(said, why)
  })
}

Admission('refuses a name that leaves no room for names that begin with it', async () => {
  assert.match(await offered(right, 'a'.repeat(53)), /52 characters at most/)
  assert.match(await offered(right, 'a'.repeat(52)), /created/)
})

Admission('is explained, field by field', async () => {
  const explained = await api.kubectl('explain', 'dataflow.spec.source', '--recursive=false')
  for (const field of ['url', 'branch', 'path', 'interval', 'secretRef', 'verify'])
    assert.match(explained, new RegExp(`^ +${field}\\b`, 'm'))
  assert.match(explained.replaceAll(/\s+/g, ' '), 'Credentials belong into a Secret')
})

Admission('goes by a short name', async () => {
  assert.match(await api.kubectl('get', 'dfl').catch(String), /No resources found|^$/)
})

Admission.run()
