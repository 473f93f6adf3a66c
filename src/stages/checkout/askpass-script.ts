/**
 * What Git asks for the login of a checkout over HTTP(S): gives CHECKOUT_USERNAME (default `git`) and CHECKOUT_PASSWORD
 * to CHECKOUT_SERVER (scheme and authority) and to nothing else. Submodules, redirects and LFS lead elsewhere: to other
 * hosts, or to http of the same host, where the password would be seen on its way. The path is not compared: submodules
 * of the same server are what the login is for, too.
 *
 * The whole prompt is compared, beginning and end, not searched: Git before 2.40.4 and 2.48.1 shows the user's name of a
 * URL decoded, so that it can hold `@HOST':` itself (CVE-2024-50349). Git LFS asks with other quotation marks.
 */
export const askpassScript = `#!/bin/sh
LC_ALL=C
scheme=\${CHECKOUT_SERVER%%://*} authority=\${CHECKOUT_SERVER#*://}
refuse() {
  echo "credentials are sent to no other server than $CHECKOUT_SERVER" >&2
  exit 1
}
case $1 in
  "Username for '$CHECKOUT_SERVER': " | "Username for \\"$CHECKOUT_SERVER\\"")
    printf '%s\\n' "\${CHECKOUT_USERNAME:-git}"
    exit ;;
  "Password for '$CHECKOUT_SERVER': " | "Password for \\"$CHECKOUT_SERVER\\"") user= ;;
  "Password for '$scheme://"*"@$authority': ")
    user=\${1#"Password for '$scheme://"}
    user=\${user%"@$authority': "} ;;
  "Password for \\"$scheme://"*"@$authority\\"")
    user=\${1#"Password for \\"$scheme://"}
    user=\${user%"@$authority\\""} ;;
  *) refuse ;;
esac
if [ "$user" != "\${CHECKOUT_USERNAME:-git}" ]; then
  case $user in *[!A-Za-z0-9._~%+-]*) refuse ;; esac
fi
printf '%s\\n' "$CHECKOUT_PASSWORD"
`;
