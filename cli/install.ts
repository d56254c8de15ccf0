import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { command } from './command.ts'
import { Usage } from './failure.ts'
import { established } from './install/established.ts'
import { clusterOptions, type KubeOptions, openCluster } from './kube.ts'

interface Options extends KubeOptions {
  image: string
  functionImage: string
  stateClaim?: string
  brokerImage?: string
  serviceAddresses?: 'names' | 'ips'
  imagePullSecret?: string[]
  functionImagePullSecret?: string[]
  webhookSecretName?: string
  replicas: number
  watchNamespace?: string
  selector?: string
  leaveTimeout: string
  pinAfter: string
  lostAfter?: string
  fullAfter?: string
  cutAfter?: string
  healAfter?: string
  apply?: true
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

export const install = (): Command =>
  clusterOptions(
    command('install', {
      summary: 'print what sets the controller up in a Kubernetes cluster',
      detail:
        'The same as the Helm chart in charts/dyninka makes: the Dataflow resource, a namespace, permissions, and the\n' +
        'controller. Nothing is changed without --apply; apply it again to upgrade.',
      examples: [
        [
          'dyninka install --image IMAGE --function-image NODE | kubectl apply --server-side -f -',
          'with kubectl',
        ],
        ['dyninka install --image IMAGE --function-image NODE --apply', 'without'],
      ],
      failure: 'the cluster refuses it, or is not there',
    })
      .requiredOption('--image <IMAGE>', 'image of the controller')
      .requiredOption('--function-image <IMAGE>', 'image with Node that functions run in; see `dyninka base`')
      .option('--broker-image <IMAGE>', 'image of mosquitto, for Dataflows with a managed broker')
      .addOption(
        new Option('--service-addresses <HOW>', 'how pods reach a managed broker')
          .choices(['names', 'ips'])
          .default('names'),
      )
      .option(
        '--image-pull-secret <NAME>',
        "Secret in the controller's namespace to pull its image with; may be repeated",
        oneMore,
      )
      .option(
        '--function-image-pull-secret <NAME>',
        'Secret beside each Dataflow to pull the other images with; may be repeated',
        oneMore,
      )
      .option(
        '--webhook-secret-name <NAME>',
        'Secret with `secret`, which the forge signs with (default: /webhook refuses)',
      )
      .option('--replicas <COUNT>', 'of the controller: one leads, the others stand by', countOf, 2)
      .option('--watch-namespace <NAME>', 'only the Dataflows of this namespace (default: all)')
      .option('--selector <LABELS>', 'only Dataflows with these labels, like shard=a')
      .option('--leave-timeout <DURATION>', 'how long a deleted Dataflow may take to end', '2m')
      .option('--pin-after <DURATION>', 'how long new code may take to start before it is given up', '5m')
      .option('--lost-after <DURATION>', 'how long a node may not answer before functions leave it (5s)')
      .option('--full-after <DURATION>', 'how long a node may be short of memory before one does (30s)')
      .option('--cut-after <DURATION>', 'how long a zone may not reach its broker before they leave it (1m)')
      .option('--heal-after <DURATION>', 'how long a node must be well before they come back (5m)')
      .option(
        '--state-claim <NAME>',
        "PersistentVolumeClaim in the controller's namespace, for telemetry to outlive the pod; takes --replicas 1",
      )
      .option('--apply', 'apply it'),
    'namespace of the controller (default: dyninka)',
  ).action(async ({ apply, namespace = 'dyninka', kubeconfig, context, ...options }: Options) => {
    if (options.stateClaim !== undefined && options.replicas > 1)
      throw new Usage('a volume belongs to one pod at a time', 'Add --replicas 1 to --state-claim.')
    const { manifests } = await import('./install/manifests.ts')
    const { imagePullSecret: imagePullSecrets = [], functionImagePullSecret: functionImagePullSecrets = [] } =
      options
    const secrets = { imagePullSecrets, functionImagePullSecrets }
    const all = await manifests({ ...options, ...secrets, namespace, name: 'dyninka', version })
    if (!apply) {
      const { dump } = await import('js-yaml')
      console.log(
        all
          .map(manifest => `---\n${dump(manifest, { noRefs: true, lineWidth: -1 })}`)
          .join('')
          .trimEnd(),
      )
      return
    }
    const client = await openCluster({ ...(kubeconfig && { kubeconfig }), ...(context && { context }) })
    for (const manifest of all) {
      const { apiVersion, kind, metadata } = manifest
      await client.apply({ apiVersion, kind, plural: pluralOf(kind) }, manifest)
      if (kind === 'CustomResourceDefinition') await established(client, metadata.name)
      console.log(`${kind} ${metadata.name}`)
    }
  })

function countOf(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new Usage('--replicas takes a number from 0 to 99')
  return Number(text)
}

const oneMore = (name: string, before: string[] = []) => [...before, name]

/** As the API's paths have it; of all kinds that we install. */
const pluralOf = (kind: string) =>
  kind.endsWith('y') ? `${kind.slice(0, -1).toLowerCase()}ies` : `${kind.toLowerCase()}s`
