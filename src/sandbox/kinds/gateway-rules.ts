import { scalarText } from './fields.ts';
import type { Check, Rule } from './rules.ts';
import { between, invalidValue, needed, oneOf, portNumber, required, unique } from './rules.ts';

const valueTypes = oneOf('Exact', 'RegularExpression');
const methods = oneOf('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH');
const filterTypes = oneOf(
  'RequestHeaderModifier',
  'ResponseHeaderModifier',
  'RequestMirror',
  'RequestRedirect',
  'URLRewrite',
  'ExtensionRef',
  'CORS',
);

const absolutePath: Check = (value, path, { type }) =>
  type !== 'RegularExpression' &&
  !scalarText(value).startsWith('/') &&
  invalidValue(path, value, "value must be an absolute path and start with '/'");

const given: Check = (value, path) => value === undefined && required(path);

/** The rules of the kinds of the Gateway API. */
export const gatewayRules: Record<string, readonly Rule[]> = {
  GatewayClass: [['spec.controllerName', needed()]],
  Gateway: [
    ['spec.gatewayClassName|listeners', needed()],
    ['spec.listeners', unique('name')],
    ['spec.listeners[].name|protocol', needed()],
    ['spec.listeners[].port', given, portNumber],
    ['spec.listeners[].allowedRoutes.namespaces.from', oneOf('All', 'Selector', 'Same', 'None')],
  ],
  HTTPRoute: [
    ['spec.parentRefs[].name', needed()],
    ['spec.rules[].matches[].path.type', oneOf('Exact', 'PathPrefix', 'RegularExpression')],
    ['spec.rules[].matches[].path.value', absolutePath],
    ['spec.rules[].matches[].headers|queryParams[].type', valueTypes],
    ['spec.rules[].matches[].headers|queryParams[].name|value', needed()],
    ['spec.rules[].matches[].method', methods],
    ['spec.rules[].filters[].type', needed(), filterTypes],
    ['spec.rules[].backendRefs[].name', needed()],
    ['spec.rules[].backendRefs[].port', portNumber],
    ['spec.rules[].backendRefs[].weight', between(0, 1_000_000)],
  ],
  ReferenceGrant: [
    ['spec.from|to', needed()],
    ['spec.from[].kind|namespace', needed()],
    ['spec.to[].kind', needed()],
  ],
};
