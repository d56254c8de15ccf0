import { Command, Option } from 'commander'
import { clusterOptions, type KubeOptions } from './kube.ts'

interface Description {
  summary: string
  /** A sentence or two more for `--help`. */
  detail?: string
  /** Command lines as a user types them, each with what it is for. */
  examples: [line: string, purpose: string][]
  /** What the exit code says beside 0 (done), 2 (wrong usage) and 130 (Ctrl-C). */
  failure: string
}

/** A subcommand whose `--help` ends with examples and exit codes. */
export function command(name: string, { summary, detail, examples, failure }: Description): Command {
  const width = Math.max(...examples.map(([line]) => line.length))
  return new Command(name)
    .summary(summary)
    .description(detail ? `${summary}\n\n${detail}` : summary)
    .exitOverride()
    .showHelpAfterError('(add --help for examples)')
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        ...examples.map(([line, purpose]) => `  ${line.padEnd(width)}  # ${purpose}`),
        '',
        `Exit codes: 0 done, 1 ${failure}, 2 wrong usage, 130 Ctrl-C`,
      ].join('\n'),
    )
}

export interface ControllerOptions extends KubeOptions {
  state?: string
  url?: string
}

/** The options by which a command finds the controller it talks to. */
export const controllerOptions = (to: Command) =>
  clusterOptions(
    to
      .addOption(stateOption())
      .option('--url <URL>', 'address of the controller (env: DYNINKA_URL, and DYNINKA_TOKEN for its token)')
      .optionsGroup('Options that lead to a Kubernetes cluster:'),
  )

/** They lead to a cluster, and not to one controller. */
export const isOfCluster = ({ namespace, context, kubeconfig }: KubeOptions) =>
  namespace !== undefined || context !== undefined || kubeconfig !== undefined

export const stateOption = () =>
  new Option('--state <DIR>', "the controller's state folder (default: .dyninka here or above, else yours)")

export const flowOption = () =>
  new Option('--flow <NAME>', 'the dataflow, where several run; in a cluster, the Dataflow')

export const jsonOption = (what: string) => new Option('--json', what)
