import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const root = '/sys/fs/cgroup'

/** Where groups are made: below each controller with version 1, in one place with version 2. */
const hierarchies = () =>
  existsSync(join(root, 'cgroup.controllers'))
    ? [root]
    : readdirSync(root)
        .map(name => join(root, name))
        .filter(folder => existsSync(join(folder, 'cgroup.procs')))

/** Makes the group of that path in every hierarchy: the kubelet wants its root to be there. */
export function makeCgroup(name: string): void {
  for (const hierarchy of hierarchies()) {
    let folder = hierarchy
    for (const part of name.split('/')) {
      allowControllers(folder)
      folder = join(folder, part)
      mkdirSync(folder, { recursive: true })
      inheritCpuset(folder)
    }
  }
}

/** Version 1: a new group has no processor, and takes no process. */
function inheritCpuset(folder: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems'])
    if (existsSync(join(folder, file)) && readFileSync(join(folder, file), 'utf8').trim() === '')
      writeFileSync(join(folder, file), readFileSync(join(dirname(folder), file)))
}

/** Version 2: a group has the controllers that the one above it hands on. */
function allowControllers(folder: string): void {
  const control = join(folder, 'cgroup.subtree_control')
  if (!existsSync(control)) return
  const here = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(' ')
  writeFileSync(control, here.map(name => `+${name}`).join(' '))
}

/** With the groups below it. Processes that were just killed still count for a moment. */
export async function removeCgroup(name: string): Promise<void> {
  for (const hierarchy of hierarchies()) {
    const below = globSync('**/', { cwd: join(hierarchy, name) }).map(path => join(hierarchy, name, path))
    const folders = [join(hierarchy, name), ...below].sort((a, b) => b.length - a.length)
    for (const folder of new Set(folders)) await remove(folder)
  }
}

async function remove(folder: string): Promise<void> {
  for (let tries = 0; existsSync(folder); tries++)
    try {
      rmdirSync(folder)
    } catch (error) {
      if (tries === 100) throw error
      await sleep(50)
    }
}
