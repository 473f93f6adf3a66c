// Written by scripts/protobuf-messages.ts from the Go types of Kubernetes (Apache License 2.0).
/* eslint max-lines: off -- a table, one line a message */

/**
 * A message a line: its name, then its fields as NUMBER NAME:TYPE. Types: s text, i integer, b boolean, d double,
 * y bytes, `.Name` a message of the same package; [] list, {} map by text, * a zero value means something.
 * `-` instead of a name: the message's fields belong to the one around it.
 */
export const messages = `core.Pod 1metadata:meta.ObjectMeta 2spec:.PodSpec 3status:.PodStatus
core.Service 1metadata:meta.ObjectMeta 2spec:.ServiceSpec 3status:.ServiceStatus
core.ConfigMap 1metadata:meta.ObjectMeta 4immutable:b* 2data:{}s 3binaryData:{}y
core.Secret 1metadata:meta.ObjectMeta 5immutable:b* 2data:{}y 4stringData:{}s 3type:s
core.ServiceAccount 1metadata:meta.ObjectMeta 2secrets:[].ObjectReference 3imagePullSecrets:[].LocalObjectReference 4automountServiceAccountToken:b*
core.Endpoints 1metadata:meta.ObjectMeta 2subsets:[].EndpointSubset
core.Event 1metadata:meta.ObjectMeta 2involvedObject:.ObjectReference 3reason:s 4message:s 5source:.EventSource 6firstTimestamp:Time 7lastTimestamp:Time 8count:i 9type:s 10eventTime:Time 11series:.EventSeries* 12action:s 13related:.ObjectReference* 14reportingComponent:s 15reportingInstance:s
core.Namespace 1metadata:meta.ObjectMeta 2spec:.NamespaceSpec 3status:.NamespaceStatus
core.Node 1metadata:meta.ObjectMeta 2spec:.NodeSpec 3status:.NodeStatus
core.PersistentVolume 1metadata:meta.ObjectMeta 2spec:.PersistentVolumeSpec 3status:.PersistentVolumeStatus
core.PersistentVolumeClaim 1metadata:meta.ObjectMeta 2spec:.PersistentVolumeClaimSpec 3status:.PersistentVolumeClaimStatus
core.ReplicationController 1metadata:meta.ObjectMeta 2spec:.ReplicationControllerSpec 3status:.ReplicationControllerStatus
core.LimitRange 1metadata:meta.ObjectMeta 2spec:.LimitRangeSpec
core.ResourceQuota 1metadata:meta.ObjectMeta 2spec:.ResourceQuotaSpec 3status:.ResourceQuotaStatus
core.PodTemplate 1metadata:meta.ObjectMeta 2template:.PodTemplateSpec
core.Binding 1metadata:meta.ObjectMeta 2target:.ObjectReference
apps.Deployment 1metadata:meta.ObjectMeta 2spec:.DeploymentSpec 3status:.DeploymentStatus
apps.ReplicaSet 1metadata:meta.ObjectMeta 2spec:.ReplicaSetSpec 3status:.ReplicaSetStatus
apps.StatefulSet 1metadata:meta.ObjectMeta 2spec:.StatefulSetSpec 3status:.StatefulSetStatus
apps.DaemonSet 1metadata:meta.ObjectMeta 2spec:.DaemonSetSpec 3status:.DaemonSetStatus
apps.ControllerRevision 1metadata:meta.ObjectMeta 2data:Raw 3revision:i
batch.Job 1metadata:meta.ObjectMeta 2spec:.JobSpec 3status:.JobStatus
batch.CronJob 1metadata:meta.ObjectMeta 2spec:.CronJobSpec 3status:.CronJobStatus
discovery.EndpointSlice 1metadata:meta.ObjectMeta 4addressType:s 2endpoints:[].Endpoint 3ports:[].EndpointPort
coordination.Lease 1metadata:meta.ObjectMeta 2spec:.LeaseSpec
policy.PodDisruptionBudget 1metadata:meta.ObjectMeta 2spec:.PodDisruptionBudgetSpec 3status:.PodDisruptionBudgetStatus
policy.Eviction 1metadata:meta.ObjectMeta 2deleteOptions:meta.DeleteOptions*
autoscaling.Scale 1metadata:meta.ObjectMeta 2spec:.ScaleSpec 3status:.ScaleStatus
autoscaling.HorizontalPodAutoscaler 1metadata:meta.ObjectMeta 2spec:.HorizontalPodAutoscalerSpec 3status:.HorizontalPodAutoscalerStatus
autoscalingv2.HorizontalPodAutoscaler 1metadata:meta.ObjectMeta 2spec:.HorizontalPodAutoscalerSpec 3status:.HorizontalPodAutoscalerStatus
networking.Ingress 1metadata:meta.ObjectMeta 2spec:.IngressSpec 3status:.IngressStatus
networking.IngressClass 1metadata:meta.ObjectMeta 2spec:.IngressClassSpec
networking.NetworkPolicy 1metadata:meta.ObjectMeta 2spec:.NetworkPolicySpec
rbac.Role 1metadata:meta.ObjectMeta 2rules:[].PolicyRule
rbac.RoleBinding 1metadata:meta.ObjectMeta 2subjects:[].Subject 3roleRef:.RoleRef
rbac.ClusterRole 1metadata:meta.ObjectMeta 2rules:[].PolicyRule 3aggregationRule:.AggregationRule*
rbac.ClusterRoleBinding 1metadata:meta.ObjectMeta 2subjects:[].Subject 3roleRef:.RoleRef
storage.StorageClass 1metadata:meta.ObjectMeta 2provisioner:s 3parameters:{}s 4reclaimPolicy:s* 5mountOptions:[]s 6allowVolumeExpansion:b* 7volumeBindingMode:s* 8allowedTopologies:[]core.TopologySelectorTerm
scheduling.PriorityClass 1metadata:meta.ObjectMeta 2value:i 3globalDefault:b 4description:s 5preemptionPolicy:s*
events.Event 1metadata:meta.ObjectMeta 2eventTime:Time 3series:.EventSeries* 4reportingController:s 5reportingInstance:s 6action:s 7reason:s 8regarding:core.ObjectReference 9related:core.ObjectReference* 10note:s 11type:s 12deprecatedSource:core.EventSource 13deprecatedFirstTimestamp:Time 14deprecatedLastTimestamp:Time 15deprecatedCount:i
meta.DeleteOptions 1gracePeriodSeconds:i* 2preconditions:.Preconditions* 3orphanDependents:b* 4propagationPolicy:s* 5dryRun:[]s 6ignoreStoreReadErrorWithClusterBreakingPotential:b*
authentication.TokenRequest 1metadata:meta.ObjectMeta 2spec:.TokenRequestSpec 3status:.TokenRequestStatus
authentication.TokenReview 1metadata:meta.ObjectMeta 2spec:.TokenReviewSpec 3status:.TokenReviewStatus
authentication.SelfSubjectReview 1metadata:meta.ObjectMeta 2status:.SelfSubjectReviewStatus
authorization.SelfSubjectAccessReview 1metadata:meta.ObjectMeta 2spec:.SelfSubjectAccessReviewSpec 3status:.SubjectAccessReviewStatus
authorization.SelfSubjectRulesReview 1metadata:meta.ObjectMeta 2spec:.SelfSubjectRulesReviewSpec 3status:.SubjectRulesReviewStatus
authorization.SubjectAccessReview 1metadata:meta.ObjectMeta 2spec:.SubjectAccessReviewSpec 3status:.SubjectAccessReviewStatus
authorization.LocalSubjectAccessReview 1metadata:meta.ObjectMeta 2spec:.SubjectAccessReviewSpec 3status:.SubjectAccessReviewStatus
meta.ObjectMeta 1name:s 2generateName:s 3namespace:s 4selfLink:s 5uid:s 6resourceVersion:s 7generation:i 8creationTimestamp:Time 9deletionTimestamp:Time* 10deletionGracePeriodSeconds:i* 11labels:{}s 12annotations:{}s 13ownerReferences:[].OwnerReference 14finalizers:[]s 17managedFields:[].ManagedFieldsEntry
core.PodSpec 1volumes:[].Volume 20initContainers:[].Container 2containers:[].Container 34ephemeralContainers:[].EphemeralContainer 3restartPolicy:s 4terminationGracePeriodSeconds:i* 5activeDeadlineSeconds:i* 6dnsPolicy:s 7nodeSelector:{}s 8serviceAccountName:s 9serviceAccount:s 21automountServiceAccountToken:b* 10nodeName:s 11hostNetwork:b 12hostPID:b 13hostIPC:b 27shareProcessNamespace:b* 14securityContext:.PodSecurityContext* 15imagePullSecrets:[].LocalObjectReference 16hostname:s 17subdomain:s 18affinity:.Affinity* 19schedulerName:s 22tolerations:[].Toleration 23hostAliases:[].HostAlias 24priorityClassName:s 25priority:i* 26dnsConfig:.PodDNSConfig* 28readinessGates:[].PodReadinessGate 29runtimeClassName:s* 30enableServiceLinks:b* 31preemptionPolicy:s* 32overhead:{}Quantity 33topologySpreadConstraints:[].TopologySpreadConstraint 35setHostnameAsFQDN:b* 36os:.PodOS* 37hostUsers:b* 38schedulingGates:[].PodSchedulingGate 39resourceClaims:[].PodResourceClaim 40resources:.ResourceRequirements* 41hostnameOverride:s* 43schedulingGroup:.PodSchedulingGroup* 44evictionResponders:[].EvictionResponder
core.PodStatus 17observedGeneration:i 1phase:s 2conditions:[].PodCondition 3message:s 4reason:s 11nominatedNodeName:s 5hostIP:s 6podIP:s 7startTime:Time* 10initContainerStatuses:[].ContainerStatus 8containerStatuses:[].ContainerStatus 9qosClass:s 13ephemeralContainerStatuses:[].ContainerStatus 14resize:s 15resourceClaimStatuses:[].PodResourceClaimStatus 18extendedResourceClaimStatus:.PodExtendedResourceClaimStatus* 19allocatedResources:{}Quantity 20resources:.ResourceRequirements* 21nodeAllocatableResourceClaimStatuses:[].NodeAllocatableResourceClaimStatus 22volumeHealth:[].PodVolumeHealth
core.ServiceSpec 1ports:[].ServicePort 2selector:{}s 3clusterIP:s 18clusterIPs:[]s 4type:s 5externalIPs:[]s 7sessionAffinity:s 8loadBalancerIP:s 9loadBalancerSourceRanges:[]s 10externalName:s 11externalTrafficPolicy:s 12healthCheckNodePort:i 13publishNotReadyAddresses:b 14sessionAffinityConfig:.SessionAffinityConfig* 19ipFamilies:[]s 17ipFamilyPolicy:s* 20allocateLoadBalancerNodePorts:b* 21loadBalancerClass:s* 22internalTrafficPolicy:s* 23trafficDistribution:s*
core.ServiceStatus 1loadBalancer:.LoadBalancerStatus 2conditions:[]meta.Condition
core.ObjectReference 1kind:s 2namespace:s 3name:s 4uid:s 5apiVersion:s 6resourceVersion:s 7fieldPath:s
core.LocalObjectReference 1name:s
core.EndpointSubset 1addresses:[].EndpointAddress 2notReadyAddresses:[].EndpointAddress 3ports:[].EndpointPort
core.EventSource 1component:s 2host:s
core.EventSeries 1count:i 2lastObservedTime:Time
core.NamespaceSpec 1finalizers:[]s
core.NamespaceStatus 1phase:s 2conditions:[].NamespaceCondition
core.NodeSpec 1podCIDR:s 3providerID:s 4unschedulable:b 5taints:[].Taint 6configSource:.NodeConfigSource* 2externalID:s 8podPreemptionPolicy:.NodePodPreemptionPolicy*
core.NodeStatus 1capacity:{}Quantity 2allocatable:{}Quantity 3phase:s 4conditions:[].NodeCondition 5addresses:[].NodeAddress 6daemonEndpoints:.NodeDaemonEndpoints 7nodeInfo:.NodeSystemInfo 8images:[].ContainerImage 9volumesInUse:[]s 10volumesAttached:[].AttachedVolume 11config:.NodeConfigStatus* 12runtimeHandlers:[].NodeRuntimeHandler 13features:.NodeFeatures* 14declaredFeatures:[]s
core.PersistentVolumeSpec 1capacity:{}Quantity 2-:.PersistentVolumeSource 3accessModes:[]s 4claimRef:.ObjectReference* 5persistentVolumeReclaimPolicy:s 6storageClassName:s 7mountOptions:[]s 8volumeMode:s* 9nodeAffinity:.VolumeNodeAffinity* 10volumeAttributesClassName:s*
core.PersistentVolumeStatus 1phase:s 2message:s 3reason:s 4lastPhaseTransitionTime:Time*
core.PersistentVolumeClaimSpec 1accessModes:[]s 4selector:meta.LabelSelector* 2resources:.VolumeResourceRequirements 3volumeName:s 5storageClassName:s* 6volumeMode:s* 7dataSource:.TypedLocalObjectReference* 8dataSourceRef:.TypedObjectReference* 9volumeAttributesClassName:s*
core.PersistentVolumeClaimStatus 1phase:s 2accessModes:[]s 3capacity:{}Quantity 4conditions:[].PersistentVolumeClaimCondition 5allocatedResources:{}Quantity 7allocatedResourceStatuses:{}s 8currentVolumeAttributesClassName:s* 9modifyVolumeStatus:.ModifyVolumeStatus* 10healthStatus:.VolumeHealthStatus*
core.ReplicationControllerSpec 1replicas:i* 4minReadySeconds:i 2selector:{}s 3template:.PodTemplateSpec*
core.ReplicationControllerStatus 1replicas:i 2fullyLabeledReplicas:i 4readyReplicas:i 5availableReplicas:i 3observedGeneration:i 6conditions:[].ReplicationControllerCondition
core.LimitRangeSpec 1limits:[].LimitRangeItem
core.ResourceQuotaSpec 1hard:{}Quantity 2scopes:[]s 3scopeSelector:.ScopeSelector*
core.ResourceQuotaStatus 1hard:{}Quantity 2used:{}Quantity
core.PodTemplateSpec 1metadata:meta.ObjectMeta 2spec:.PodSpec
apps.DeploymentSpec 1replicas:i* 2selector:meta.LabelSelector* 3template:core.PodTemplateSpec 4strategy:.DeploymentStrategy 5minReadySeconds:i 6revisionHistoryLimit:i* 7paused:b 9progressDeadlineSeconds:i*
apps.DeploymentStatus 1observedGeneration:i 2replicas:i 3updatedReplicas:i 7readyReplicas:i 4availableReplicas:i 5unavailableReplicas:i 9terminatingReplicas:i* 6conditions:[].DeploymentCondition 8collisionCount:i*
apps.ReplicaSetSpec 1replicas:i* 4minReadySeconds:i 2selector:meta.LabelSelector* 3template:core.PodTemplateSpec
apps.ReplicaSetStatus 1replicas:i 2fullyLabeledReplicas:i 4readyReplicas:i 5availableReplicas:i 7terminatingReplicas:i* 3observedGeneration:i 6conditions:[].ReplicaSetCondition
apps.StatefulSetSpec 1replicas:i* 2selector:meta.LabelSelector* 3template:core.PodTemplateSpec 4volumeClaimTemplates:[]core.PersistentVolumeClaim 5serviceName:s 6podManagementPolicy:s 7updateStrategy:.StatefulSetUpdateStrategy 8revisionHistoryLimit:i* 9minReadySeconds:i 10persistentVolumeClaimRetentionPolicy:.StatefulSetPersistentVolumeClaimRetentionPolicy* 11ordinals:.StatefulSetOrdinals*
apps.StatefulSetStatus 1observedGeneration:i 2replicas:i 3readyReplicas:i 4currentReplicas:i 5updatedReplicas:i 6currentRevision:s 7updateRevision:s 9collisionCount:i* 10conditions:[].StatefulSetCondition 11availableReplicas:i
apps.DaemonSetSpec 1selector:meta.LabelSelector* 2template:core.PodTemplateSpec 3updateStrategy:.DaemonSetUpdateStrategy 4minReadySeconds:i 6revisionHistoryLimit:i*
apps.DaemonSetStatus 1currentNumberScheduled:i 2numberMisscheduled:i 3desiredNumberScheduled:i 4numberReady:i 5observedGeneration:i 6updatedNumberScheduled:i 7numberAvailable:i 8numberUnavailable:i 9collisionCount:i* 10conditions:[].DaemonSetCondition
batch.JobSpec 1parallelism:i* 2completions:i* 3activeDeadlineSeconds:i* 11podFailurePolicy:.PodFailurePolicy* 16successPolicy:.SuccessPolicy* 7backoffLimit:i* 12backoffLimitPerIndex:i* 13maxFailedIndexes:i* 4selector:meta.LabelSelector* 5manualSelector:b* 6template:core.PodTemplateSpec 8ttlSecondsAfterFinished:i* 9completionMode:s* 10suspend:b* 14podReplacementPolicy:s* 15managedBy:s* 17scheduling:.JobSchedulingConfiguration*
batch.JobStatus 1conditions:[].JobCondition 2startTime:Time* 3completionTime:Time* 4active:i 5succeeded:i 6failed:i 11terminating:i* 7completedIndexes:s 10failedIndexes:s* 8uncountedTerminatedPods:.UncountedTerminatedPods* 9ready:i*
batch.CronJobSpec 1schedule:s 8timeZone:s* 2startingDeadlineSeconds:i* 3concurrencyPolicy:s 4suspend:b* 5jobTemplate:.JobTemplateSpec 6successfulJobsHistoryLimit:i* 7failedJobsHistoryLimit:i*
batch.CronJobStatus 1active:[]core.ObjectReference 4lastScheduleTime:Time* 5lastSuccessfulTime:Time*
discovery.Endpoint 1addresses:[]s 2conditions:.EndpointConditions 3hostname:s* 4targetRef:core.ObjectReference* 5deprecatedTopology:{}s 6nodeName:s* 7zone:s* 8hints:.EndpointHints*
discovery.EndpointPort 1name:s* 2protocol:s* 3port:i* 4appProtocol:s*
coordination.LeaseSpec 1holderIdentity:s* 2leaseDurationSeconds:i* 3acquireTime:Time* 4renewTime:Time* 5leaseTransitions:i* 6strategy:s* 7preferredHolder:s*
policy.PodDisruptionBudgetSpec 1minAvailable:IntOrString* 2selector:meta.LabelSelector* 3maxUnavailable:IntOrString* 4unhealthyPodEvictionPolicy:s*
policy.PodDisruptionBudgetStatus 1observedGeneration:i 2disruptedPods:{}Time 3disruptionsAllowed:i 4currentHealthy:i 5desiredHealthy:i 6expectedPods:i 7conditions:[]meta.Condition
autoscaling.ScaleSpec 1replicas:i
autoscaling.ScaleStatus 1replicas:i 2selector:s
autoscaling.HorizontalPodAutoscalerSpec 1scaleTargetRef:.CrossVersionObjectReference 2minReplicas:i* 3maxReplicas:i 4targetCPUUtilizationPercentage:i*
autoscaling.HorizontalPodAutoscalerStatus 1observedGeneration:i* 2lastScaleTime:Time* 3currentReplicas:i 4desiredReplicas:i 5currentCPUUtilizationPercentage:i*
autoscalingv2.HorizontalPodAutoscalerSpec 1scaleTargetRef:.CrossVersionObjectReference 2minReplicas:i* 3maxReplicas:i 4metrics:[].MetricSpec 5behavior:.HorizontalPodAutoscalerBehavior*
autoscalingv2.HorizontalPodAutoscalerStatus 1observedGeneration:i* 2lastScaleTime:Time* 3currentReplicas:i 4desiredReplicas:i 5currentMetrics:[].MetricStatus 6conditions:[].HorizontalPodAutoscalerCondition
networking.IngressSpec 4ingressClassName:s* 1defaultBackend:.IngressBackend* 2tls:[].IngressTLS 3rules:[].IngressRule
networking.IngressStatus 1loadBalancer:.IngressLoadBalancerStatus
networking.IngressClassSpec 1controller:s 2parameters:.IngressClassParametersReference*
networking.NetworkPolicySpec 1podSelector:meta.LabelSelector 2ingress:[].NetworkPolicyIngressRule 3egress:[].NetworkPolicyEgressRule 4policyTypes:[]s
rbac.PolicyRule 1verbs:[]s 2apiGroups:[]s 3resources:[]s 4resourceNames:[]s 5nonResourceURLs:[]s
rbac.Subject 1kind:s 2apiGroup:s 3name:s 4namespace:s
rbac.RoleRef 1apiGroup:s 2kind:s 3name:s
rbac.AggregationRule 1clusterRoleSelectors:[]meta.LabelSelector
core.TopologySelectorTerm 1matchLabelExpressions:[].TopologySelectorLabelRequirement
events.EventSeries 1count:i 2lastObservedTime:Time
meta.Preconditions 1uid:s* 2resourceVersion:s*
authentication.TokenRequestSpec 1audiences:[]s 4expirationSeconds:i* 3boundObjectRef:.BoundObjectReference* 5attestations:{}[]s
authentication.TokenRequestStatus 1token:s 2expirationTimestamp:Time
authentication.TokenReviewSpec 1token:s 2audiences:[]s
authentication.TokenReviewStatus 1authenticated:b 2user:.UserInfo 4audiences:[]s 3error:s
authentication.SelfSubjectReviewStatus 1userInfo:.UserInfo
authorization.SelfSubjectAccessReviewSpec 1resourceAttributes:.ResourceAttributes* 2nonResourceAttributes:.NonResourceAttributes*
authorization.SubjectAccessReviewStatus 1allowed:b 4denied:b 2reason:s 3evaluationError:s
authorization.SelfSubjectRulesReviewSpec 1namespace:s
authorization.SubjectRulesReviewStatus 1resourceRules:[].ResourceRule 2nonResourceRules:[].NonResourceRule 3incomplete:b 4evaluationError:s
authorization.SubjectAccessReviewSpec 1resourceAttributes:.ResourceAttributes* 2nonResourceAttributes:.NonResourceAttributes* 3user:s 4groups:[]s 5extra:{}Items 6uid:s
meta.OwnerReference 5apiVersion:s 1kind:s 3name:s 4uid:s 6controller:b* 7blockOwnerDeletion:b*
meta.ManagedFieldsEntry 1manager:s 2operation:s 3apiVersion:s 4time:Time* 6fieldsType:s 7fieldsV1:Raw* 8subresource:s
core.Volume 1name:s 2-:.VolumeSource
core.Container 1name:s 2image:s 3command:[]s 4args:[]s 5workingDir:s 6ports:[].ContainerPort 19envFrom:[].EnvFromSource 7env:[].EnvVar 8resources:.ResourceRequirements 23resizePolicy:[].ContainerResizePolicy 24restartPolicy:s* 25restartPolicyRules:[].ContainerRestartRule 9volumeMounts:[].VolumeMount 21volumeDevices:[].VolumeDevice 10livenessProbe:.Probe* 11readinessProbe:.Probe* 22startupProbe:.Probe* 12lifecycle:.Lifecycle* 13terminationMessagePath:s 20terminationMessagePolicy:s 14imagePullPolicy:s 15securityContext:.SecurityContext* 16stdin:b 17stdinOnce:b 18tty:b
core.EphemeralContainer 1-:.EphemeralContainerCommon 2targetContainerName:s
core.PodSecurityContext 1seLinuxOptions:.SELinuxOptions* 8windowsOptions:.WindowsSecurityContextOptions* 2runAsUser:i* 6runAsGroup:i* 3runAsNonRoot:b* 4supplementalGroups:[]i 12supplementalGroupsPolicy:s* 5fsGroup:i* 7sysctls:[].Sysctl 9fsGroupChangePolicy:s* 10seccompProfile:.SeccompProfile* 11appArmorProfile:.AppArmorProfile* 13seLinuxChangePolicy:s*
core.Affinity 1nodeAffinity:.NodeAffinity* 2podAffinity:.PodAffinity* 3podAntiAffinity:.PodAntiAffinity*
core.Toleration 1key:s 2operator:s 3value:s 4effect:s 5tolerationSeconds:i*
core.HostAlias 1ip:s 2hostnames:[]s
core.PodDNSConfig 1nameservers:[]s 2searches:[]s 3options:[].PodDNSConfigOption
core.PodReadinessGate 1conditionType:s
core.TopologySpreadConstraint 1maxSkew:i 2topologyKey:s 3whenUnsatisfiable:s 4labelSelector:meta.LabelSelector* 5minDomains:i* 6nodeAffinityPolicy:s* 7nodeTaintsPolicy:s* 8matchLabelKeys:[]s
core.PodOS 1name:s
core.PodSchedulingGate 1name:s
core.PodResourceClaim 1name:s 3resourceClaimName:s* 4resourceClaimTemplateName:s*
core.ResourceRequirements 1limits:{}Quantity 2requests:{}Quantity 3claims:[].ResourceClaim
core.PodSchedulingGroup 1podGroupName:s*
core.EvictionResponder 1name:s 2priority:i*
core.PodCondition 1type:s 7observedGeneration:i 2status:s 3lastProbeTime:Time 4lastTransitionTime:Time 5reason:s 6message:s
core.ContainerStatus 1name:s 2state:.ContainerState 3lastState:.ContainerState 4ready:b 5restartCount:i 6image:s 7imageID:s 8containerID:s 9started:b* 10allocatedResources:{}Quantity 11resources:.ResourceRequirements* 12volumeMounts:[].VolumeMountStatus 13user:.ContainerUser* 14allocatedResourcesStatus:[].ResourceStatus 15stopSignal:s*
core.PodResourceClaimStatus 1name:s 2resourceClaimName:s*
core.PodExtendedResourceClaimStatus 1requestMappings:[].ContainerExtendedResourceRequest 2resourceClaimName:s
core.NodeAllocatableResourceClaimStatus 1resourceClaimName:s 2containers:[]s 4mapping:[].NodeAllocatableMappedResources 5overhead:[].NodeAllocatableOverheadResources
core.PodVolumeHealth 1name:s 2healthConditions:[].VolumeHealthCondition 3lastTransitionTime:Time
core.ServicePort 1name:s 2protocol:s 6appProtocol:s* 3port:i 4targetPort:IntOrString 5nodePort:i
core.SessionAffinityConfig 1clientIP:.ClientIPConfig*
core.LoadBalancerStatus 1ingress:[].LoadBalancerIngress
meta.Condition 1type:s 2status:s 3observedGeneration:i 4lastTransitionTime:Time 5reason:s 6message:s
core.EndpointAddress 1ip:s 3hostname:s 4nodeName:s* 2targetRef:.ObjectReference*
core.EndpointPort 1name:s 2port:i 3protocol:s 4appProtocol:s*
core.NamespaceCondition 1type:s 2status:s 4lastTransitionTime:Time 5reason:s 6message:s
core.Taint 1key:s 2value:s 3effect:s 4timeAdded:Time*
core.NodeConfigSource 2configMap:.ConfigMapNodeConfigSource*
core.NodePodPreemptionPolicy 1disableResizePreemption:[]s
core.NodeCondition 1type:s 2status:s 3lastHeartbeatTime:Time 4lastTransitionTime:Time 5reason:s 6message:s
core.NodeAddress 1type:s 2address:s
core.NodeDaemonEndpoints 1kubeletEndpoint:.DaemonEndpoint
core.NodeSystemInfo 1machineID:s 2systemUUID:s 3bootID:s 4kernelVersion:s 5osImage:s 6containerRuntimeVersion:s 7kubeletVersion:s 8kubeProxyVersion:s 9operatingSystem:s 10architecture:s 11swap:.NodeSwapStatus*
core.ContainerImage 1names:[]s 2sizeBytes:i
core.AttachedVolume 1name:s 2devicePath:s
core.NodeConfigStatus 1assigned:.NodeConfigSource* 2active:.NodeConfigSource* 3lastKnownGood:.NodeConfigSource* 4error:s
core.NodeRuntimeHandler 1name:s 2features:.NodeRuntimeHandlerFeatures*
core.NodeFeatures 1supplementalGroupsPolicy:b*
core.PersistentVolumeSource 1gcePersistentDisk:.GCEPersistentDiskVolumeSource* 2awsElasticBlockStore:.AWSElasticBlockStoreVolumeSource* 3hostPath:.HostPathVolumeSource* 4glusterfs:.GlusterfsPersistentVolumeSource* 5nfs:.NFSVolumeSource* 6rbd:.RBDPersistentVolumeSource* 7iscsi:.ISCSIPersistentVolumeSource* 8cinder:.CinderPersistentVolumeSource* 9cephfs:.CephFSPersistentVolumeSource* 10fc:.FCVolumeSource* 11flocker:.FlockerVolumeSource* 12flexVolume:.FlexPersistentVolumeSource* 13azureFile:.AzureFilePersistentVolumeSource* 14vsphereVolume:.VsphereVirtualDiskVolumeSource* 15quobyte:.QuobyteVolumeSource* 16azureDisk:.AzureDiskVolumeSource* 17photonPersistentDisk:.PhotonPersistentDiskVolumeSource* 18portworxVolume:.PortworxVolumeSource* 19scaleIO:.ScaleIOPersistentVolumeSource* 20local:.LocalVolumeSource* 21storageos:.StorageOSPersistentVolumeSource* 22csi:.CSIPersistentVolumeSource*
core.VolumeNodeAffinity 1required:.NodeSelector*
meta.LabelSelector 1matchLabels:{}s 2matchExpressions:[].LabelSelectorRequirement
core.VolumeResourceRequirements 1limits:{}Quantity 2requests:{}Quantity
core.TypedLocalObjectReference 1apiGroup:s* 2kind:s 3name:s
core.TypedObjectReference 1apiGroup:s* 2kind:s 3name:s 4namespace:s*
core.PersistentVolumeClaimCondition 1type:s 2status:s 3lastProbeTime:Time 4lastTransitionTime:Time 5reason:s 6message:s
core.ModifyVolumeStatus 1targetVolumeAttributesClassName:s 2status:s
core.VolumeHealthStatus 1healthConditions:[].VolumeHealthCondition 2lastTransitionTime:Time
core.ReplicationControllerCondition 1type:s 2status:s 3lastTransitionTime:Time 4reason:s 5message:s
core.LimitRangeItem 1type:s 2max:{}Quantity 3min:{}Quantity 4default:{}Quantity 5defaultRequest:{}Quantity 6maxLimitRequestRatio:{}Quantity
core.ScopeSelector 1matchExpressions:[].ScopedResourceSelectorRequirement
apps.DeploymentStrategy 1type:s 2rollingUpdate:.RollingUpdateDeployment*
apps.DeploymentCondition 1type:s 2status:s 6lastUpdateTime:Time 7lastTransitionTime:Time 4reason:s 5message:s
apps.ReplicaSetCondition 1type:s 2status:s 3lastTransitionTime:Time 4reason:s 5message:s
apps.StatefulSetUpdateStrategy 1type:s 2rollingUpdate:.RollingUpdateStatefulSetStrategy*
apps.StatefulSetPersistentVolumeClaimRetentionPolicy 1whenDeleted:s 2whenScaled:s
apps.StatefulSetOrdinals 1start:i
apps.StatefulSetCondition 1type:s 2status:s 3lastTransitionTime:Time 4reason:s 5message:s
apps.DaemonSetUpdateStrategy 1type:s 2rollingUpdate:.RollingUpdateDaemonSet*
apps.DaemonSetCondition 1type:s 2status:s 3lastTransitionTime:Time 4reason:s 5message:s
batch.PodFailurePolicy 1rules:[].PodFailurePolicyRule
batch.SuccessPolicy 1rules:[].SuccessPolicyRule
batch.JobSchedulingConfiguration
batch.JobCondition 1type:s 2status:s 3lastProbeTime:Time 4lastTransitionTime:Time 5reason:s 6message:s
batch.UncountedTerminatedPods 1succeeded:[]s 2failed:[]s
batch.JobTemplateSpec 1metadata:meta.ObjectMeta 2spec:.JobSpec
discovery.EndpointConditions 1ready:b* 2serving:b* 3terminating:b*
discovery.EndpointHints 1forZones:[].ForZone 2forNodes:[].ForNode
autoscaling.CrossVersionObjectReference 1kind:s 2name:s 3apiVersion:s
autoscalingv2.CrossVersionObjectReference 1kind:s 2name:s 3apiVersion:s
autoscalingv2.MetricSpec 1type:s 2object:.ObjectMetricSource* 3pods:.PodsMetricSource* 4resource:.ResourceMetricSource* 7containerResource:.ContainerResourceMetricSource* 5external:.ExternalMetricSource*
autoscalingv2.HorizontalPodAutoscalerBehavior 1scaleUp:.HPAScalingRules* 2scaleDown:.HPAScalingRules*
autoscalingv2.MetricStatus 1type:s 2object:.ObjectMetricStatus* 3pods:.PodsMetricStatus* 4resource:.ResourceMetricStatus* 7containerResource:.ContainerResourceMetricStatus* 5external:.ExternalMetricStatus*
autoscalingv2.HorizontalPodAutoscalerCondition 1type:s 2status:s 3lastTransitionTime:Time 4reason:s 5message:s 6observedGeneration:i*
networking.IngressBackend 4service:.IngressServiceBackend* 3resource:core.TypedLocalObjectReference*
networking.IngressTLS 1hosts:[]s 2secretName:s
networking.IngressRule 1host:s 2-:.IngressRuleValue
networking.IngressLoadBalancerStatus 1ingress:[].IngressLoadBalancerIngress
networking.IngressClassParametersReference 1apiGroup:s* 2kind:s 3name:s 4scope:s* 5namespace:s*
networking.NetworkPolicyIngressRule 1ports:[].NetworkPolicyPort 2from:[].NetworkPolicyPeer
networking.NetworkPolicyEgressRule 1ports:[].NetworkPolicyPort 2to:[].NetworkPolicyPeer
core.TopologySelectorLabelRequirement 1key:s 2values:[]s
authentication.BoundObjectReference 1kind:s 2apiVersion:s 3name:s 4uid:s
authentication.UserInfo 1username:s 2uid:s 3groups:[]s 4extra:{}Items
authorization.ResourceAttributes 1namespace:s 2verb:s 3group:s 4version:s 5resource:s 6subresource:s 7name:s 8fieldSelector:.FieldSelectorAttributes* 9labelSelector:.LabelSelectorAttributes*
authorization.NonResourceAttributes 1path:s 2verb:s
authorization.ResourceRule 1verbs:[]s 2apiGroups:[]s 3resources:[]s 4resourceNames:[]s
authorization.NonResourceRule 1verbs:[]s 2nonResourceURLs:[]s
core.VolumeSource 1hostPath:.HostPathVolumeSource* 2emptyDir:.EmptyDirVolumeSource* 3gcePersistentDisk:.GCEPersistentDiskVolumeSource* 4awsElasticBlockStore:.AWSElasticBlockStoreVolumeSource* 5gitRepo:.GitRepoVolumeSource* 6secret:.SecretVolumeSource* 7nfs:.NFSVolumeSource* 8iscsi:.ISCSIVolumeSource* 9glusterfs:.GlusterfsVolumeSource* 10persistentVolumeClaim:.PersistentVolumeClaimVolumeSource* 11rbd:.RBDVolumeSource* 12flexVolume:.FlexVolumeSource* 13cinder:.CinderVolumeSource* 14cephfs:.CephFSVolumeSource* 15flocker:.FlockerVolumeSource* 16downwardAPI:.DownwardAPIVolumeSource* 17fc:.FCVolumeSource* 18azureFile:.AzureFileVolumeSource* 19configMap:.ConfigMapVolumeSource* 20vsphereVolume:.VsphereVirtualDiskVolumeSource* 21quobyte:.QuobyteVolumeSource* 22azureDisk:.AzureDiskVolumeSource* 23photonPersistentDisk:.PhotonPersistentDiskVolumeSource* 26projected:.ProjectedVolumeSource* 24portworxVolume:.PortworxVolumeSource* 25scaleIO:.ScaleIOVolumeSource* 27storageos:.StorageOSVolumeSource* 28csi:.CSIVolumeSource* 29ephemeral:.EphemeralVolumeSource* 30image:.ImageVolumeSource*
core.ContainerPort 1name:s 2hostPort:i 3containerPort:i 4protocol:s 5hostIP:s
core.EnvFromSource 1prefix:s 2configMapRef:.ConfigMapEnvSource* 3secretRef:.SecretEnvSource*
core.EnvVar 1name:s 2value:s 3valueFrom:.EnvVarSource*
core.ContainerResizePolicy 1resourceName:s 2restartPolicy:s
core.ContainerRestartRule 1action:s 2exitCodes:.ContainerRestartRuleOnExitCodes*
core.VolumeMount 1name:s 2readOnly:b 7recursiveReadOnly:s* 3mountPath:s 4subPath:s 5mountPropagation:s* 6subPathExpr:s 8bindMountOptions:[]s
core.VolumeDevice 1name:s 2devicePath:s
core.Probe 1-:.ProbeHandler 2initialDelaySeconds:i 3timeoutSeconds:i 4periodSeconds:i 5successThreshold:i 6failureThreshold:i 7terminationGracePeriodSeconds:i*
core.Lifecycle 1postStart:.LifecycleHandler* 2preStop:.LifecycleHandler* 3stopSignal:s*
core.SecurityContext 1capabilities:.Capabilities* 2privileged:b* 3seLinuxOptions:.SELinuxOptions* 10windowsOptions:.WindowsSecurityContextOptions* 4runAsUser:i* 8runAsGroup:i* 5runAsNonRoot:b* 6readOnlyRootFilesystem:b* 7allowPrivilegeEscalation:b* 9procMount:s* 11seccompProfile:.SeccompProfile* 12appArmorProfile:.AppArmorProfile*
core.EphemeralContainerCommon 1name:s 2image:s 3command:[]s 4args:[]s 5workingDir:s 6ports:[].ContainerPort 19envFrom:[].EnvFromSource 7env:[].EnvVar 8resources:.ResourceRequirements 23resizePolicy:[].ContainerResizePolicy 24restartPolicy:s* 25restartPolicyRules:[].ContainerRestartRule 9volumeMounts:[].VolumeMount 21volumeDevices:[].VolumeDevice 10livenessProbe:.Probe* 11readinessProbe:.Probe* 22startupProbe:.Probe* 12lifecycle:.Lifecycle* 13terminationMessagePath:s 20terminationMessagePolicy:s 14imagePullPolicy:s 15securityContext:.SecurityContext* 16stdin:b 17stdinOnce:b 18tty:b
core.SELinuxOptions 1user:s 2role:s 3type:s 4level:s
core.WindowsSecurityContextOptions 1gmsaCredentialSpecName:s* 2gmsaCredentialSpec:s* 3runAsUserName:s* 4hostProcess:b*
core.Sysctl 1name:s 2value:s
core.SeccompProfile 1type:s 2localhostProfile:s*
core.AppArmorProfile 1type:s 2localhostProfile:s*
core.NodeAffinity 1requiredDuringSchedulingIgnoredDuringExecution:.NodeSelector* 2preferredDuringSchedulingIgnoredDuringExecution:[].PreferredSchedulingTerm
core.PodAffinity 1requiredDuringSchedulingIgnoredDuringExecution:[].PodAffinityTerm 2preferredDuringSchedulingIgnoredDuringExecution:[].WeightedPodAffinityTerm
core.PodAntiAffinity 1requiredDuringSchedulingIgnoredDuringExecution:[].PodAffinityTerm 2preferredDuringSchedulingIgnoredDuringExecution:[].WeightedPodAffinityTerm
core.PodDNSConfigOption 1name:s 2value:s*
core.ResourceClaim 1name:s 2request:s
core.ContainerState 1waiting:.ContainerStateWaiting* 2running:.ContainerStateRunning* 3terminated:.ContainerStateTerminated*
core.VolumeMountStatus 1name:s 2mountPath:s 3readOnly:b 4recursiveReadOnly:s* 5volumeStatus:.VolumeStatus*
core.ContainerUser 1linux:.LinuxContainerUser*
core.ResourceStatus 1name:s 2resources:[].ResourceHealth
core.ContainerExtendedResourceRequest 1containerName:s 2resourceName:s 3requestName:s
core.NodeAllocatableMappedResources 1name:s 2quantity:Quantity*
core.NodeAllocatableOverheadResources 1name:s 2perPod:Quantity* 3perContainer:Quantity*
core.VolumeHealthCondition 1status:s 2reason:s 3message:s
core.ClientIPConfig 1timeoutSeconds:i*
core.LoadBalancerIngress 1ip:s 2hostname:s 3ipMode:s* 4ports:[].PortStatus
core.ConfigMapNodeConfigSource 1namespace:s 2name:s 3uid:s 4resourceVersion:s 5kubeletConfigKey:s
core.DaemonEndpoint 1Port:i
core.NodeSwapStatus 1capacity:i*
core.NodeRuntimeHandlerFeatures 1recursiveReadOnlyMounts:b* 2userNamespaces:b*
core.GCEPersistentDiskVolumeSource 1pdName:s 2fsType:s 3partition:i 4readOnly:b
core.AWSElasticBlockStoreVolumeSource 1volumeID:s 2fsType:s 3partition:i 4readOnly:b
core.HostPathVolumeSource 1path:s 2type:s*
core.GlusterfsPersistentVolumeSource 1endpoints:s 2path:s 3readOnly:b 4endpointsNamespace:s*
core.NFSVolumeSource 1server:s 2path:s 3readOnly:b
core.RBDPersistentVolumeSource 1monitors:[]s 2image:s 3fsType:s 4pool:s 5user:s 6keyring:s 7secretRef:.SecretReference* 8readOnly:b
core.ISCSIPersistentVolumeSource 1targetPortal:s 2iqn:s 3lun:i 4iscsiInterface:s 5fsType:s 6readOnly:b 7portals:[]s 8chapAuthDiscovery:b 11chapAuthSession:b 10secretRef:.SecretReference* 12initiatorName:s*
core.CinderPersistentVolumeSource 1volumeID:s 2fsType:s 3readOnly:b 4secretRef:.SecretReference*
core.CephFSPersistentVolumeSource 1monitors:[]s 2path:s 3user:s 4secretFile:s 5secretRef:.SecretReference* 6readOnly:b
core.FCVolumeSource 1targetWWNs:[]s 2lun:i* 3fsType:s 4readOnly:b 5wwids:[]s
core.FlockerVolumeSource 1datasetName:s 2datasetUUID:s
core.FlexPersistentVolumeSource 1driver:s 2fsType:s 3secretRef:.SecretReference* 4readOnly:b 5options:{}s
core.AzureFilePersistentVolumeSource 1secretName:s 2shareName:s 3readOnly:b 4secretNamespace:s*
core.VsphereVirtualDiskVolumeSource 1volumePath:s 2fsType:s 3storagePolicyName:s 4storagePolicyID:s
core.QuobyteVolumeSource 1registry:s 2volume:s 3readOnly:b 4user:s 5group:s 6tenant:s
core.AzureDiskVolumeSource 1diskName:s 2diskURI:s 3cachingMode:s* 4fsType:s* 5readOnly:b* 6kind:s*
core.PhotonPersistentDiskVolumeSource 1pdID:s 2fsType:s
core.PortworxVolumeSource 1volumeID:s 2fsType:s 3readOnly:b
core.ScaleIOPersistentVolumeSource 1gateway:s 2system:s 3secretRef:.SecretReference* 4sslEnabled:b 5protectionDomain:s 6storagePool:s 7storageMode:s 8volumeName:s 9fsType:s 10readOnly:b
core.LocalVolumeSource 1path:s 2fsType:s*
core.StorageOSPersistentVolumeSource 1volumeName:s 2volumeNamespace:s 3fsType:s 4readOnly:b 5secretRef:.ObjectReference*
core.CSIPersistentVolumeSource 1driver:s 2volumeHandle:s 3readOnly:b 4fsType:s 5volumeAttributes:{}s 6controllerPublishSecretRef:.SecretReference* 7nodeStageSecretRef:.SecretReference* 8nodePublishSecretRef:.SecretReference* 9controllerExpandSecretRef:.SecretReference* 10nodeExpandSecretRef:.SecretReference*
core.NodeSelector 1nodeSelectorTerms:[].NodeSelectorTerm
meta.LabelSelectorRequirement 1key:s 2operator:s 3values:[]s
core.ScopedResourceSelectorRequirement 1scopeName:s 2operator:s 3values:[]s
apps.RollingUpdateDeployment 1maxUnavailable:IntOrString* 2maxSurge:IntOrString*
apps.RollingUpdateStatefulSetStrategy 1partition:i* 2maxUnavailable:IntOrString*
apps.RollingUpdateDaemonSet 1maxUnavailable:IntOrString* 2maxSurge:IntOrString*
batch.PodFailurePolicyRule 1action:s 2onExitCodes:.PodFailurePolicyOnExitCodesRequirement* 3onPodConditions:[].PodFailurePolicyOnPodConditionsPattern
batch.SuccessPolicyRule 1succeededIndexes:s* 2succeededCount:i*
discovery.ForZone 1name:s
discovery.ForNode 1name:s
autoscalingv2.ObjectMetricSource 1describedObject:.CrossVersionObjectReference 2target:.MetricTarget 3metric:.MetricIdentifier
autoscalingv2.PodsMetricSource 1metric:.MetricIdentifier 2target:.MetricTarget
autoscalingv2.ResourceMetricSource 1name:s 2target:.MetricTarget
autoscalingv2.ContainerResourceMetricSource 1name:s 2target:.MetricTarget 3container:s
autoscalingv2.ExternalMetricSource 1metric:.MetricIdentifier 2target:.MetricTarget
autoscalingv2.HPAScalingRules 3stabilizationWindowSeconds:i* 1selectPolicy:s* 2policies:[].HPAScalingPolicy 4tolerance:Quantity*
autoscalingv2.ObjectMetricStatus 1metric:.MetricIdentifier 2current:.MetricValueStatus 3describedObject:.CrossVersionObjectReference
autoscalingv2.PodsMetricStatus 1metric:.MetricIdentifier 2current:.MetricValueStatus
autoscalingv2.ResourceMetricStatus 1name:s 2current:.MetricValueStatus
autoscalingv2.ContainerResourceMetricStatus 1name:s 2current:.MetricValueStatus 3container:s
autoscalingv2.ExternalMetricStatus 1metric:.MetricIdentifier 2current:.MetricValueStatus
networking.IngressServiceBackend 1name:s 2port:.ServiceBackendPort
networking.IngressRuleValue 1http:.HTTPIngressRuleValue*
networking.IngressLoadBalancerIngress 1ip:s 2hostname:s 4ports:[].IngressPortStatus
networking.NetworkPolicyPort 1protocol:s* 2port:IntOrString* 3endPort:i*
networking.NetworkPolicyPeer 1podSelector:meta.LabelSelector* 2namespaceSelector:meta.LabelSelector* 3ipBlock:.IPBlock*
authorization.FieldSelectorAttributes 1rawSelector:s 2requirements:[]meta.FieldSelectorRequirement
authorization.LabelSelectorAttributes 1rawSelector:s 2requirements:[]meta.LabelSelectorRequirement
core.EmptyDirVolumeSource 1medium:s 2sizeLimit:Quantity* 3mode:i*
core.GitRepoVolumeSource 1repository:s 2revision:s 3directory:s
core.SecretVolumeSource 1secretName:s 2items:[].KeyToPath 3defaultMode:i* 4optional:b* 5defaultUser:i*
core.ISCSIVolumeSource 1targetPortal:s 2iqn:s 3lun:i 4iscsiInterface:s 5fsType:s 6readOnly:b 7portals:[]s 8chapAuthDiscovery:b 11chapAuthSession:b 10secretRef:.LocalObjectReference* 12initiatorName:s*
core.GlusterfsVolumeSource 1endpoints:s 2path:s 3readOnly:b
core.PersistentVolumeClaimVolumeSource 1claimName:s 2readOnly:b
core.RBDVolumeSource 1monitors:[]s 2image:s 3fsType:s 4pool:s 5user:s 6keyring:s 7secretRef:.LocalObjectReference* 8readOnly:b
core.FlexVolumeSource 1driver:s 2fsType:s 3secretRef:.LocalObjectReference* 4readOnly:b 5options:{}s
core.CinderVolumeSource 1volumeID:s 2fsType:s 3readOnly:b 4secretRef:.LocalObjectReference*
core.CephFSVolumeSource 1monitors:[]s 2path:s 3user:s 4secretFile:s 5secretRef:.LocalObjectReference* 6readOnly:b
core.DownwardAPIVolumeSource 1items:[].DownwardAPIVolumeFile 2defaultMode:i* 3defaultUser:i*
core.AzureFileVolumeSource 1secretName:s 2shareName:s 3readOnly:b
core.ConfigMapVolumeSource 1-:.LocalObjectReference 2items:[].KeyToPath 3defaultMode:i* 4optional:b* 5defaultUser:i*
core.ProjectedVolumeSource 1sources:[].VolumeProjection 2defaultMode:i* 3defaultUser:i*
core.ScaleIOVolumeSource 1gateway:s 2system:s 3secretRef:.LocalObjectReference* 4sslEnabled:b 5protectionDomain:s 6storagePool:s 7storageMode:s 8volumeName:s 9fsType:s 10readOnly:b
core.StorageOSVolumeSource 1volumeName:s 2volumeNamespace:s 3fsType:s 4readOnly:b 5secretRef:.LocalObjectReference*
core.CSIVolumeSource 1driver:s 2readOnly:b* 3fsType:s* 4volumeAttributes:{}s 5nodePublishSecretRef:.LocalObjectReference*
core.EphemeralVolumeSource 1volumeClaimTemplate:.PersistentVolumeClaimTemplate*
core.ImageVolumeSource 1reference:s 2pullPolicy:s
core.ConfigMapEnvSource 1-:.LocalObjectReference 2optional:b*
core.SecretEnvSource 1-:.LocalObjectReference 2optional:b*
core.EnvVarSource 1fieldRef:.ObjectFieldSelector* 2resourceFieldRef:.ResourceFieldSelector* 3configMapKeyRef:.ConfigMapKeySelector* 4secretKeyRef:.SecretKeySelector* 5fileKeyRef:.FileKeySelector*
core.ContainerRestartRuleOnExitCodes 1operator:s 2values:[]i
core.ProbeHandler 1exec:.ExecAction* 2httpGet:.HTTPGetAction* 3tcpSocket:.TCPSocketAction* 4grpc:.GRPCAction*
core.LifecycleHandler 1exec:.ExecAction* 2httpGet:.HTTPGetAction* 3tcpSocket:.TCPSocketAction* 4sleep:.SleepAction*
core.Capabilities 1add:[]s 2drop:[]s
core.PreferredSchedulingTerm 1weight:i 2preference:.NodeSelectorTerm
core.PodAffinityTerm 1labelSelector:meta.LabelSelector* 2namespaces:[]s 3topologyKey:s 4namespaceSelector:meta.LabelSelector* 5matchLabelKeys:[]s 6mismatchLabelKeys:[]s
core.WeightedPodAffinityTerm 1weight:i 2podAffinityTerm:.PodAffinityTerm
core.ContainerStateWaiting 1reason:s 2message:s
core.ContainerStateRunning 1startedAt:Time
core.ContainerStateTerminated 1exitCode:i 2signal:i 3reason:s 4message:s 5startedAt:Time 6finishedAt:Time 7containerID:s
core.VolumeStatus 1image:.ImageVolumeStatus*
core.LinuxContainerUser 1uid:i 2gid:i 3supplementalGroups:[]i
core.ResourceHealth 1resourceID:s 2health:s 6message:s*
core.PortStatus 1port:i 2protocol:s 3error:s*
core.SecretReference 1name:s 2namespace:s
core.NodeSelectorTerm 1matchExpressions:[].NodeSelectorRequirement 2matchFields:[].NodeSelectorRequirement
batch.PodFailurePolicyOnExitCodesRequirement 1containerName:s* 2operator:s 3values:[]i
batch.PodFailurePolicyOnPodConditionsPattern 1type:s 2status:s
autoscalingv2.MetricTarget 1type:s 2value:Quantity* 3averageValue:Quantity* 4averageUtilization:i*
autoscalingv2.MetricIdentifier 1name:s 2selector:meta.LabelSelector*
autoscalingv2.HPAScalingPolicy 1type:s 2value:i 3periodSeconds:i
autoscalingv2.MetricValueStatus 1value:Quantity* 2averageValue:Quantity* 3averageUtilization:i*
networking.ServiceBackendPort 1name:s 2number:i
networking.HTTPIngressRuleValue 1paths:[].HTTPIngressPath
networking.IngressPortStatus 1port:i 2protocol:s 3error:s*
networking.IPBlock 1cidr:s 2except:[]s
meta.FieldSelectorRequirement 1key:s 2operator:s 3values:[]s
core.KeyToPath 1key:s 2path:s 3mode:i* 4user:i*
core.DownwardAPIVolumeFile 1path:s 2fieldRef:.ObjectFieldSelector* 3resourceFieldRef:.ResourceFieldSelector* 4mode:i* 5user:i*
core.VolumeProjection 1secret:.SecretProjection* 2downwardAPI:.DownwardAPIProjection* 3configMap:.ConfigMapProjection* 4serviceAccountToken:.ServiceAccountTokenProjection* 5clusterTrustBundle:.ClusterTrustBundleProjection* 6podCertificate:.PodCertificateProjection*
core.PersistentVolumeClaimTemplate 1metadata:meta.ObjectMeta 2spec:.PersistentVolumeClaimSpec
core.ObjectFieldSelector 1apiVersion:s 2fieldPath:s
core.ResourceFieldSelector 1containerName:s 2resource:s 3divisor:Quantity
core.ConfigMapKeySelector 1-:.LocalObjectReference 2key:s 3optional:b*
core.SecretKeySelector 1-:.LocalObjectReference 2key:s 3optional:b*
core.FileKeySelector 1volumeName:s 2path:s 3key:s 4optional:b*
core.ExecAction 1command:[]s
core.HTTPGetAction 1path:s 2port:IntOrString 3host:s 4scheme:s 5httpHeaders:[].HTTPHeader 6protocol:s*
core.TCPSocketAction 1port:IntOrString 2host:s
core.GRPCAction 1port:i 2service:s* 3mode:s*
core.SleepAction 1seconds:i
core.ImageVolumeStatus 1imageRef:s
core.NodeSelectorRequirement 1key:s 2operator:s 3values:[]s
networking.HTTPIngressPath 1path:s 3pathType:s* 2backend:.IngressBackend
core.SecretProjection 1-:.LocalObjectReference 2items:[].KeyToPath 4optional:b*
core.DownwardAPIProjection 1items:[].DownwardAPIVolumeFile
core.ConfigMapProjection 1-:.LocalObjectReference 2items:[].KeyToPath 4optional:b*
core.ServiceAccountTokenProjection 1audience:s 2expirationSeconds:i* 3path:s 4user:i*
core.ClusterTrustBundleProjection 1name:s* 2signerName:s* 3labelSelector:meta.LabelSelector* 5optional:b* 4path:s 6user:i*
core.PodCertificateProjection 1signerName:s 2keyType:s 3maxExpirationSeconds:i* 4credentialBundlePath:s 5keyPath:s 6certificateChainPath:s 7userAnnotations:{}s 8user:i*
core.HTTPHeader 1name:s 2value:s`;
