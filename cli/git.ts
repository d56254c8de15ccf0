import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Problem } from '../schema/problem.ts'

const run = promisify(execFile)

/** Runs Git in a folder. @returns what it printed, trimmed @throws Problem with what Git said */
export async function git(dir: string, ...args: string[]): Promise<string> {
  try {
    // In a Git hook these name another repository.
    const { GIT_DIR: _, GIT_WORK_TREE: __, GIT_INDEX_FILE: ___, ...env } = process.env
    const { stdout } = await run('git', ['-C', dir, ...args], { env })
    return stdout.trim()
  } catch (cause) {
    const { code, stderr } = cause as { code?: number | string; stderr?: string }
    if (code === 'ENOENT') {
      throw new Problem('NoGit', 'git is not installed', {
        hint: 'Install it: https://git-scm.com/downloads',
        cause,
      })
    }
    throw new Problem('GitFailed', `git ${args[0]} failed in ${dir}: ${stderr?.trim()}`, { cause })
  }
}
