import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { Problem } from '../schema/problem.ts'
import { command } from './command.ts'
import { Usage } from './failure.ts'
import { paint } from './paint.ts'

export const init = (): Command =>
  command('init', {
    summary: 'make a small dataflow that works',
    detail:
      'Writes functions, a test and dataflow.yaml, and links this Dyninka for tests and editors. Files that exist stay; a\n' +
      'package.json gets what it lacks.',
    examples: [
      ['dyninka init my-flow', 'in a new folder'],
      ['dyninka init', 'in this folder'],
      ['dyninka init . --name room-climate', 'with another name than that of the folder'],
    ],
    failure: 'the folder already has a dataflow.yaml, or can not be written',
  })
    .argument('[DIR]', 'folder to make or to fill', '.')
    .option('--name <NAME>', 'of the dataflow (default: after the folder)')
    .action(async (dir: string, options: { name?: string }) => {
      const name = options.name ?? nameAfter(basename(resolve(dir)))
      if (!/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) {
        throw new Usage(
          `${name} can not name a dataflow`,
          'Use lower-case letters, digits and hyphens: --name my-flow',
        )
      }
      if (existsSync(join(dir, 'dataflow.yaml'))) {
        throw new Problem(
          'AlreadyThere',
          `${join(dir, 'dataflow.yaml')} is there already: nothing was changed`,
          {
            hint: 'Name another folder, or go on from what is there.',
          },
        )
      }
      const { fill } = await import('./init/fill.ts')
      const { written, kept, added, wrong, repository } = await fill(dir, name)
      for (const file of written) console.log(`  ${paint('green', '+')} ${join(dir, file)}`)
      for (const file of kept) {
        const isLarger = file === 'package.json' && added.length > 0
        const how = isLarger ? `added ${added.join(', ')}` : 'kept as it was'
        const glyph = isLarger ? paint('yellow', '~') : paint('dim', '=')
        console.log(`  ${glyph} ${join(dir, file)} ${paint('dim', how)}`)
      }
      if (wrong)
        console.log(`  ${paint('yellow', '!')} ${join(dir, 'package.json')} ${wrong}, or tests do not run`)
      if (repository) console.log(`  ${paint('green', '+')} ${join(dir, '.git')}`)
      console.log(`\n${paint('bold', name)} is ready. Next:\n`)
      if (resolve(dir) !== process.cwd()) console.log(`  cd ${quoted(dir)}`)
      console.log('  npx dyninka dev    # run it, and again whenever you save a file')
      console.log('  npm test           # test it, without a broker')
    })

const nameAfter = (folder: string) =>
  folder
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '') || 'my-flow'

const quoted = (path: string) => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`)
