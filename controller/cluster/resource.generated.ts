// Made from charts/dyninka/files/dataflows.yaml by `node controller/cluster/generate.ts`: change that file.

export interface DataflowParts {
  spec: DataflowSpec
  status: DataflowResourceStatus
}
/**
 * What should run, and where it comes from.
 */
export interface DataflowSpec {
  /**
   * The Git repository with the dataflow.yaml.
   */
  source: {
    /**
     * URL of the repository, as `git clone` takes it. Credentials belong into a Secret.
     */
    url: string
    /**
     * The branch to follow. By default that of the repository's HEAD.
     */
    branch?: string
    /**
     * Folder of the repository with the dataflow.yaml. By default the only one there is.
     */
    path?: string
    /**
     * Time between two looks at the repository, like 30s, 5m or 1h.
     */
    interval?: string
    /**
     * Secret with `username` and `password` (or a token) for HTTP(S), or with `identity` (a private key) and `known_hosts` for SSH.
     */
    secretRef?: {
      /**
       * Name of a Secret in this namespace.
       */
      name: string
    }
    /**
     * Take only signed commits.
     */
    verify?: {
      /**
       * Secret whose `allowed_signers` holds the SSH keys that may sign, in the format of ssh-keygen.
       */
      secretRef: {
        /**
         * Name of a Secret in this namespace.
         */
        name: string
      }
    }
  }
  /**
   * Secret with the values of the secrets that functions name, by name.
   */
  secretRef?: {
    /**
     * Name of a Secret in this namespace.
     */
    name: string
  }
  /**
   * Where images of functions go. Without it, code is delivered in ConfigMaps.
   */
  registry?: {
    /**
     * Registry and repository below which they are pushed, like registry.example.org/team.
     */
    image: string
    /**
     * Image of Node on which they are made, by digest or tag. By default that of the controller.
     */
    base?: string
    /**
     * Speak HTTP to it.
     */
    insecure?: boolean
    /**
     * Secret of type kubernetes.io/dockerconfigjson, to push with and to pull with.
     */
    secretRef?: {
      /**
       * Name of a Secret in this namespace.
       */
      name: string
    }
  }
  /**
   * The MQTT broker that functions send records through; it must be reachable from pods.
   */
  broker: {
    /**
     * URL of a broker with persistent sessions that asks for no password, like mqtt://broker.iot:1883.
     */
    url?: string
    /**
     * Secret with `url`: the URL of the broker with user and password.
     */
    secretRef?: {
      /**
       * Name of a Secret in this namespace.
       */
      name: string
    }
    /**
     * A mosquitto that is run for this dataflow.
     */
    managed?: {
      /**
       * Size of the volume that keeps its sessions. It can grow where its class allows it.
       */
      storage?: string
      /**
       * Class of the volume. By default that of the cluster.
       */
      storageClassName?: string
    }
    /**
     * Brokers of zones. What is decided to run in such a zone sends by the one there.
     *
     * @maxItems 64
     */
    zones?: {
      /**
       * Name of the zone, as nodes have it in the label that spec.placement.zoneKey names.
       */
      zone: string
      /**
       * URL of a broker with persistent sessions that asks for no password, like mqtt://broker.iot:1883.
       */
      url?: string
      /**
       * Secret with `url`: the URL of the broker with user and password.
       */
      secretRef?: {
        /**
         * Name of a Secret in this namespace.
         */
        name: string
      }
      /**
       * A mosquitto that is run for this dataflow.
       */
      managed?: {
        /**
         * Size of the volume that keeps its sessions. It can grow where its class allows it.
         */
        storage?: string
        /**
         * Class of the volume. By default that of the cluster.
         */
        storageClassName?: string
      }
    }[]
  }
  /**
   * Where commit statuses and pull requests go.
   */
  forge?: {
    /**
     * Which API it speaks. Forgejo speaks that of Gitea.
     */
    type: 'github' | 'gitea'
    /**
     * Base URL of its API. By default that of the repository's host.
     */
    url?: string
    /**
     * Asks there to move functions to better places, with evidence from telemetry.
     */
    pullRequests?: {
      /**
       * Of each pull request.
       *
       * @maxItems 20
       */
      labels?: string[]
      /**
       * Logins of people who are asked for a review.
       *
       * @maxItems 15
       */
      reviewers?: string[]
      /**
       * Opens them as drafts.
       */
      isDraft?: boolean
      /**
       * Of branches. The name of the dataflow follows. By default `dyninka/`.
       */
      branchPrefix?: string
      /**
       * Of the commit, where {title} and {moves} stand for what they say. By default `{title}`.
       */
      commitMessage?: string
      /**
       * Zone of each broker that nothing else tells, by URL.
       */
      brokerZones?: {
        [k: string]: string
      }
      /**
       * URL of a Prometheus that scrapes the controller, to ask instead of what that keeps.
       */
      prometheus?: string
      /**
       * Between two looks at what was measured, like 10m, the default.
       */
      every?: string
      /**
       * After a merge, before what is measured tells what came of it. By default 2m.
       */
      settle?: string
      /**
       * After the last move, before another one is asked for. By default 30m.
       */
      cooldown?: string
      /**
       * Over how long a move has to pay. By default 24h.
       */
      horizon?: string
      /**
       * Newest windows of telemetry in a row in which a move has to save something. By default 5.
       */
      holding?: number
      /**
       * Share of what runs now that a move has to save, in per cent. By default 5.
       */
      threshold?: number
    }
    /**
     * Secret with `token`, or with `appId` and `privateKey` of a GitHub App.
     */
    secretRef: {
      /**
       * Name of a Secret in this namespace.
       */
      name: string
    }
  }
  /**
   * On which nodes functions may run at all.
   */
  placement?: {
    /**
     * Label of nodes that names their zone.
     */
    zoneKey?: string
    /**
     * Labels that a node must have.
     */
    nodeSelector?: {
      [k: string]: string
    }
  }
  /**
   * Leave all as it is, and look at nothing, until this is false again.
   */
  suspend?: boolean
  /**
   * What becomes of what runs when this resource is deleted: Delete ends it and removes its sessions from the broker, Orphan leaves it running.
   */
  deletionPolicy?: 'Delete' | 'Orphan'
}
/**
 * How it stands. Written by the controller alone.
 */
export interface DataflowResourceStatus {
  /**
   * The generation of spec that this was written for.
   */
  observedGeneration?: number
  /**
   * Ready, Reconciling and Stalled, as kstatus reads them, Unheeded where something is asked for that is not done, Unreported where the forge could not be told, and ZoneBrokerAway where the broker of a zone does not answer.
   */
  conditions?: ResourceCondition[]
  /**
   * The name in dataflow.yaml.
   */
  dataflow?: string
  /**
   * The revision that is applied, or on its way, as branch@sha1:commit.
   */
  revision?: string
  /**
   * The value of the annotation dyninka.dev/reconcile that was acted upon last.
   */
  lastHandledReconcile?: string
  /**
   * Nodes of the graph; sources and sinks, too.
   */
  functions?: ResourceFunction[]
  /**
   * Brokers of zones, as far as there are any.
   */
  zoneBrokers?: {
    /**
     * Name of the zone.
     */
    zone: string
    /**
     * Of its broker, without user and password.
     */
    url: string
    /**
     * Used: what is decided to run there sends by it. Away: it does not answer. Leaving: it is declared no more, and kept until nothing goes by it.
     */
    state: 'Used' | 'Away' | 'Leaving'
  }[]
  /**
   * Where the controller keeps what it must not lose.
   */
  inventory?: {
    /**
     * Name of a ConfigMap in this namespace.
     */
    configMap: string
    /**
     * How many sessions of partitions the broker keeps for it.
     */
    sessions: number
  }
  /**
   * What became of the last five revisions, the newest last.
   *
   * @maxItems 5
   */
  history?: ResourceHistory[]
}
export interface ResourceCondition {
  /**
   * Ready, Reconciling, Stalled, Unheeded or Unreported.
   */
  type: string
  /**
   * Whether it holds.
   */
  status: 'True' | 'False' | 'Unknown'
  /**
   * The generation of spec that it was written for.
   */
  observedGeneration?: number
  /**
   * Since when the status is what it is.
   */
  lastTransitionTime: string
  /**
   * Why, in one word.
   */
  reason: string
  /**
   * Why, and what to do about it.
   */
  message: string
}
export interface ResourceFunction {
  /**
   * Name of the node.
   */
  name: string
  /**
   * What it is.
   */
  kind: 'source' | 'function' | 'sink'
  /**
   * How it stands.
   */
  phase: 'Waiting' | 'Building' | 'Starting' | 'Running' | 'Idle' | 'Failed' | 'Stopping'
  /**
   * How many pods it has.
   */
  hosts: number
  /**
   * Digest of its code.
   */
  artifact?: string
  /**
   * What is wrong, or what it waits for.
   */
  message?: string
}
export interface ResourceHistory {
  /**
   * As branch@sha1:commit.
   */
  revision: string
  /**
   * When it was taken up.
   */
  at: string
  /**
   * What became of it.
   */
  result: 'Progressing' | 'Succeeded' | 'Failed' | 'Superseded'
  /**
   * Why.
   */
  message?: string
  /**
   * How many functions were built.
   */
  built?: number
  /**
   * How many functions were started anew, or removed.
   */
  applied?: number
}
