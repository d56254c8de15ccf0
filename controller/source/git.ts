import { fileURLToPath } from 'node:url'
import { GitError, GitPluginError, type SimpleGit, simpleGit } from 'simple-git'

const group = fileURLToPath(new URL('./git-group.sh', import.meta.url))

/** Git ended with an error. Its output is for a translation into a problem, not for people. */
export class GitFailure extends GitError {
  readonly exitCode: number
  readonly stderr: string

  constructor(exitCode: number, stderr: string) {
    super(undefined, `git ended with ${exitCode}`)
    this.exitCode = exitCode
    this.stderr = stderr
  }
}

/** Git said nothing for too long, and was stopped. */
export class GitStalled extends Error {
  override readonly name = 'GitStalled'
}

export interface GitOptions {
  /** The repository. Named outright: Git must never look for one in the folders above. */
  gitDir: string
  /** More variables, such as those that the credential helper reads. */
  environment?: Record<string, string>
  /** How long it may be silent. */
  stallMs: number
}

export interface Git {
  /** @param input for stdin @returns stdout @throws GitFailure, GitStalled, or the signal's reason */
  run(args: string[], signal: AbortSignal, input?: string): Promise<string>
  /** `git cat-file --batch`: the objects that `names` name, one after the other. */
  objects(names: string[], signal: AbortSignal): Promise<Buffer>
}

/** Git, in one repository, that asks nobody anything and speaks English. */
export function openGit({ gitDir, environment, stallMs }: GitOptions): Git {
  const call = async <T>(
    signal: AbortSignal,
    input: string,
    work: (git: SimpleGit) => PromiseLike<T>,
  ): Promise<T> => {
    signal.throwIfAborted()
    const git = simpleGit({
      baseDir: gitDir,
      abort: signal,
      timeout: { block: stallMs },
      input: () => input || undefined,
      ...(process.platform !== 'win32' && {
        binary: ['sh', group],
        unsafe: { allowUnsafeCustomBinary: true },
      }),
      allowEnvironment: [
        'GIT_DIR',
        'GIT_TERMINAL_PROMPT',
        'GIT_NO_LAZY_FETCH',
        'GIT_SSL_CAINFO',
        'GIT_SSL_CAPATH',
      ],
      // By default a failure without any output passes for success, and one with some loses its code.
      errors: (error, { exitCode, stdErr }) =>
        error instanceof GitPluginError || exitCode === 0
          ? error
          : new GitFailure(exitCode, Buffer.concat(stdErr).toString()),
    }).env({
      ...inherited(),
      ...environment,
      LC_ALL: 'C',
      GIT_DIR: gitDir,
      GIT_TERMINAL_PROMPT: '0',
      GIT_NO_LAZY_FETCH: '1', // what a filter left out stays out
    })
    try {
      return await work(git)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof GitPluginError && error.plugin === 'timeout') throw new GitStalled()
      throw error
    }
  }
  return {
    run: (args, signal, input = '') => call(signal, input, git => git.raw(args)),
    objects: (names, signal) => call(signal, `${names.join('\n')}\n`, git => git.binaryCatFile(['--batch'])),
  }
}

/** What Git and SSH need to reach a server; the controller's secrets are not among it. */
function inherited(): NodeJS.ProcessEnv {
  const allowed =
    /^(path|home|user|logname|userprofile|appdata|localappdata|systemroot|temp|tmp|tmpdir|xdg_config_home|ssh_auth_sock|(git_)?ssl_(cert_(file|dir)|cainfo|capath)|(https?|no|all)_proxy)$/i
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => allowed.test(name)))
}
