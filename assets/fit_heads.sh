#!/bin/sh
# Fits the preference heads of judges to battles, and publishes each in a repository on the Hub.
#
#     sh assets/fit_heads.sh OWNER/NAME [BATTLES [JUDGE ...]]
#
# By default: Music Arena's battles, and all judges, the quick ones first. A judge that is not available is left out. Run
# again, it goes on where it stopped: scores are kept in APEX_DATA.
set -u
repository=${1:?name the repository, as OWNER/NAME}
battles=${2:-music-arena/music-arena-dataset}
[ $# -lt 2 ] || shift
shift
[ $# -gt 0 ] || set -- pocket tunejury tunejury-whole apex songeval banger hear-1 hear-2
failed=0
for judge; do
    echo "== $judge" >&2
    python -m apex_space fit-preference --judge "$judge" --battles "$battles" &&
        python -m apex_space publish-preference "$repository" --judge "$judge" || failed=1
done
exit $failed
