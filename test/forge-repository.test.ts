import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ForgeOptions } from '../controller/forge/forge.ts'
import { forgeRepository } from '../controller/forge/forge-repository.ts'
import { OctokitForge } from '../controller/forge/octokit-forge.ts'
import type { Problem } from '../schema/problem.ts'

const Repository = suite('repository of a forge')

const cases: [git: string, type: ForgeOptions['type'], api: string, page: string][] = [
  [
    'https://github.com/ada/climate.git',
    'github',
    'https://api.github.com',
    'https://github.com/ada/climate',
  ],
  ['git@github.com:ada/climate.git', 'github', 'https://api.github.com', 'https://github.com/ada/climate'],
  [
    'ssh://git@ghe.example:2222/ada/climate.git',
    'github',
    'https://ghe.example/api/v3',
    'https://ghe.example/ada/climate',
  ],
  [
    'https://ada:secret@ghe.example/ada/climate',
    'github',
    'https://ghe.example/api/v3',
    'https://ghe.example/ada/climate',
  ],
  [
    'http://forge.example:3000/ada/climate.git',
    'gitea',
    'http://forge.example:3000/api/v1',
    'http://forge.example:3000/ada/climate',
  ],
  [
    'https://example.org/git/ada/climate.git/',
    'gitea',
    'https://example.org/git/api/v1',
    'https://example.org/git/ada/climate',
  ],
]

for (const [git, type, api, page] of cases) {
  Repository(`is found from ${git.replace('secret', '…')}`, () => {
    assert.equal(forgeRepository(git, { type }), { owner: 'ada', name: 'climate', api, page })
  })
}

Repository('has the API that is given for it', () => {
  const { api } = forgeRepository('https://github.com/ada/climate', {
    type: 'github',
    url: 'https://proxy/gh/',
  })
  assert.is(api, 'https://proxy/gh')
})

Repository('is refused where there is none', () => {
  for (const git of ['/srv/git/climate.git', 'git://example.org/climate.git', 'https://github.com/climate']) {
    assert.throws(
      () => forgeRepository(git, { type: 'github' }),
      (problem: Problem) => problem.reason === 'NoForge' && problem.hint!.includes('OWNER/NAME'),
    )
  }
})

Repository('is refused without a word of the password in its URL', () => {
  assert.throws(
    () => forgeRepository('https://ada:geheim@github.com/climate', { type: 'github' }),
    (problem: Problem) => problem.reason === 'NoForge' && !problem.message.includes('geheim'),
  )
})

Repository('has a page for a line of a file', () => {
  const urlOf = (type: ForgeOptions['type'], line?: number) =>
    new OctokitForge('https://forge.example/ada/climate', { type, auth: { token: 'x' } }).fileUrl(
      'abc',
      'a b/c.ts',
      line,
    )
  assert.is(urlOf('github', 3), 'https://forge.example/ada/climate/blob/abc/a%20b/c.ts#L3')
  assert.is(urlOf('gitea'), 'https://forge.example/ada/climate/src/commit/abc/a%20b/c.ts')
})

Repository.run()
