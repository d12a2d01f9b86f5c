#!/bin/sh
# Puts the plugin and the programs of this archive into the user's own folders, and takes them away again:
#   ./install.sh              plugin to ~/.clap and ~/.vst3, programs to ~/.local/bin, manual pages and completions
#   ./install.sh --dry-run    only says what would be done
#   ./install.sh --uninstall  deletes what was installed, unless it was changed since
# What was installed is recorded with checksums in ~/.local/share/anacrusis/installed.sha256; a file that is not in that record is
# neither replaced nor deleted.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
data="${XDG_DATA_HOME:-$HOME/.local/share}"
record="$data/anacrusis/installed.sha256"
dry_run=no
uninstall=no

for argument in "$@"; do
  case "$argument" in
    --dry-run) dry_run=yes ;;
    --uninstall) uninstall=yes ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "$0: unknown option $argument; there are --dry-run, --uninstall, --help" >&2; exit 2 ;;
  esac
done

# The checksum that is recorded for a file, or nothing.
recorded() {
  [ -f "$record" ] || return 0
  while IFS= read -r line; do
    [ "${line#*  }" = "$1" ] && echo "${line%%  *}" && return 0
  done <"$record"
  return 0
}

# The record without a file.
others() {
  while IFS= read -r line; do
    if [ "${line#*  }" != "$1" ]; then printf '%s\n' "$line"; fi
  done <"$record"
}

checksum() { sha256sum <"$1" | cut -d' ' -f1; }

# Copies of one file or folder: from, to.
install_one() {
  from=$1 to=$2
  find "$from" -type f | sort | while IFS= read -r file; do
    target="$to${file#"$from"}"
    if [ -e "$target" ] && [ -z "$(recorded "$target")" ]; then
      echo "$target was not installed by this program: move it away first" >&2
      exit 1
    fi
    if [ "$mode" = look ]; then continue; fi
    if [ "$dry_run" = yes ]; then echo "would copy to $target"; continue; fi
    mkdir -p "$(dirname "$target")" "$(dirname "$record")"
    # Recorded first, so that a copy that fails half-way is ours to remove; then by a new file, so that a running host keeps its own.
    if [ -f "$record" ]; then others "$target" >"$record.new"; else : >"$record.new"; fi
    echo "$(checksum "$file")  $target" >>"$record.new"
    mv "$record.new" "$record"
    cp -p "$file" "$target.new"
    mv "$target.new" "$target"
    echo "copied to $target"
  done
}

install_all() {
  install_one "$here/Anacrusis.clap" "$HOME/.clap/Anacrusis.clap"
  install_one "$here/Anacrusis.vst3" "$HOME/.vst3/Anacrusis.vst3"
  install_one "$here/anacrusis" "$HOME/.local/bin/anacrusis"
  install_one "$here/anacrusis-standalone" "$HOME/.local/bin/anacrusis-standalone"
  install_one "$here/man/man1" "$data/man/man1"
  install_one "$here/completions/anacrusis.bash" "$data/bash-completion/completions/anacrusis"
  install_one "$here/completions/anacrusis.fish" "$HOME/.config/fish/completions/anacrusis.fish"
}

if [ "$uninstall" = yes ]; then
  if [ ! -s "$record" ]; then echo "nothing is installed"; exit 0; fi
  kept="$record.kept"
  : >"$kept"
  while IFS= read -r line; do
    sum=${line%%  *} target=${line#*  }
    if [ ! -e "$target" ]; then
      echo "already gone: $target"
    elif [ "$(checksum "$target")" != "$sum" ]; then
      echo "left alone, changed since it was installed: $target"
      echo "$line" >>"$kept"
    elif [ "$dry_run" = yes ]; then
      echo "would delete $target"
    else
      rm "$target"
      echo "deleted $target"
      # Folders of ours, where they are empty now.
      folder=$(dirname "$target")
      while case "$folder" in *Anacrusis.vst3*) true ;; *) false ;; esac; do
        rmdir "$folder" 2>/dev/null || break
        folder=$(dirname "$folder")
      done
    fi
  done <"$record"
  if [ "$dry_run" = yes ]; then rm "$kept"; echo "nothing was changed"; else mv "$kept" "$record"; fi
  if [ ! -s "$record" ]; then rm -f "$record"; fi
  exit 0
fi

# All places are looked at before the first is changed.
mode=look
install_all
mode=copy
install_all
if [ "$dry_run" = yes ]; then
  echo "nothing was changed"
else
  echo "let your music software scan its plugins again, then add Anacrusis to a track"
  case ":$PATH:" in *":$HOME/.local/bin:"*) ;; *) echo "$HOME/.local/bin is not in PATH: add it to use \`anacrusis\` by name" ;; esac
fi
