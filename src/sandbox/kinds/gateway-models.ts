import type { ModelField } from './model-field.ts';

/**
 * The types of the Gateway API, which the client library does not have: a type a paragraph, its fields with their types, as
 * the standard channel of 1.6 has them. `[]` is a list, `{}` a map of texts; a field without a type is a text.
 * https://gateway-api.sigs.k8s.io/reference/spec/
 */
const rows = `
V1GatewayClass: apiVersion, kind, metadata V1ObjectMeta, spec GatewayClassSpec, status GatewayClassStatus
GatewayClassSpec: controllerName, description, parametersRef ObjectReference
GatewayClassStatus: conditions V1Condition[], supportedFeatures SupportedFeature[]
SupportedFeature: name
ObjectReference: group, kind, name, namespace

V1Gateway: apiVersion, kind, metadata V1ObjectMeta, spec GatewaySpec, status GatewayStatus
GatewaySpec: gatewayClassName, listeners Listener[], addresses GatewayAddress[], allowedListeners AllowedListeners,
  infrastructure GatewayInfrastructure, tls GatewayTls
GatewayAddress: type, value
AllowedListeners: namespaces RouteNamespaces
GatewayInfrastructure: annotations {}, labels {}, parametersRef ObjectReference
GatewayTls: backend BackendTls, frontend FrontendTls
BackendTls: clientCertificateRef ObjectReference
FrontendTls: default ClientTls, perPort PortTls[]
PortTls: port int32, tls ClientTls
ClientTls: validation ClientValidation
ClientValidation: caCertificateRefs ObjectReference[], mode
Listener: name, hostname, port int32, protocol, tls ListenerTls, allowedRoutes AllowedRoutes
ListenerTls: certificateRefs ObjectReference[], mode, options {}
AllowedRoutes: kinds RouteKind[], namespaces RouteNamespaces
RouteKind: group, kind
RouteNamespaces: from, selector V1LabelSelector
GatewayStatus: addresses GatewayAddress[], attachedListenerSets int32, conditions V1Condition[], listeners ListenerStatus[]
ListenerStatus: name, attachedRoutes int32, conditions V1Condition[], supportedKinds RouteKind[]

V1HTTPRoute: apiVersion, kind, metadata V1ObjectMeta, spec HTTPRouteSpec, status RouteStatus
HTTPRouteSpec: hostnames string[], parentRefs ParentReference[], rules HTTPRouteRule[]
ParentReference: group, kind, name, namespace, port int32, sectionName
HTTPRouteRule: name, matches HTTPRouteMatch[], filters HTTPRouteFilter[], backendRefs HTTPBackendRef[], timeouts HTTPRouteTimeouts
HTTPRouteTimeouts: backendRequest, request
HTTPRouteMatch: headers ValueMatch[], method, path PathMatch, queryParams ValueMatch[]
ValueMatch: name, type, value
PathMatch: type, value
HTTPBackendRef: group, kind, name, namespace, port int32, weight int32, filters HTTPRouteFilter[]
HTTPRouteFilter: type, cors CorsFilter, extensionRef ObjectReference, requestHeaderModifier HeaderModifier,
  requestMirror MirrorFilter, requestRedirect RedirectFilter, responseHeaderModifier HeaderModifier, urlRewrite RewriteFilter
CorsFilter: allowCredentials boolean, allowHeaders string[], allowMethods string[], allowOrigins string[], exposeHeaders string[],
  maxAge int32
HeaderModifier: add HeaderValue[], remove string[], set HeaderValue[]
HeaderValue: name, value
MirrorFilter: backendRef BackendObjectReference, fraction Fraction, percent int32
BackendObjectReference: group, kind, name, namespace, port int32
Fraction: denominator int32, numerator int32
RedirectFilter: hostname, path PathModifier, port int32, scheme, statusCode int32
RewriteFilter: hostname, path PathModifier
PathModifier: type, replaceFullPath, replacePrefixMatch
RouteStatus: parents RouteParentStatus[]
RouteParentStatus: conditions V1Condition[], controllerName, parentRef ParentReference

V1ReferenceGrant: apiVersion, kind, metadata V1ObjectMeta, spec ReferenceGrantSpec
ReferenceGrantSpec: from ReferenceGrantFrom[], to ReferenceGrantTo[]
ReferenceGrantFrom: group, kind, namespace
ReferenceGrantTo: group, kind, name
`;

function parseField(text: string): ModelField {
  const [name = '', given = 'string'] = text.trim().split(' ');
  if (given === '{}') return { name, type: '{ [key: string]: string; }', format: '' };
  const type = given.replace('[]', '').replace('int32', 'number');
  const format = given === 'int32' ? given : '';
  return { name, type: given.endsWith('[]') ? `Array<${type}>` : type, format };
}

/** The fields of each type, by its name. */
export const gatewayModels: ReadonlyMap<string, readonly ModelField[]> = new Map(
  rows
    .trim()
    .split(/\n+(?=\S)/)
    .map((row): [string, ModelField[]] => {
      const colon = row.indexOf(':');
      return [
        row.slice(0, colon),
        row
          .slice(colon + 1)
          .split(',')
          .map(parseField),
      ];
    }),
);
