#!/bin/sh
# Reads what the inspection judges, installs nothing, changes nothing on this computer, needs no administrator (root adds
# the serial numbers of the hardware). Writes one folder beside this file. Any POSIX shell, any processor.
# Typed text only ever stands in quoted variables.
LC_ALL=C
export LC_ALL
umask 077
here=$(dirname -- "$0")
printf '\n  核正 单机采集器 (Hezheng single-machine collector)\n'
printf '  只读取软件、系统、激活状态，不安装、不修改、不联网。\n\n'
printf '  资产编号 (asset number): '
IFS= read -r asset || asset=
printf '  使用部门 (department): '
IFS= read -r department || department=
printf '  使用人 (user): '
IFS= read -r person || person=
out=$here/results/$(uname -n)-$(date +%Y%m%d%H%M%S)-$$
if ! mkdir -p "$out"; then
  printf '  优盘不能写入，请解除写保护或换一个优盘 (cannot write to this drive).\n' >&2
  exit 1
fi
{
  echo schema=hezheng.single-machine/1
  echo platform=linux
  echo inspection=@INSPECTION@
  echo nonce=@NONCE@
  echo "clock=$(date +%s)"
} >"$out/info.txt"
printf 'HZQ_ASSET=%s\nHZQ_DEPARTMENT=%s\nHZQ_PERSON=%s\n' "$asset" "$department" "$person" >"$out/who.txt"
printf '\n  正在读取，约需一分钟 (reading) ...\n'
@COLLECT@ >"$out/answers.txt" 2>"$out/errors.txt" </dev/null
echo "exit=$?" >>"$out/info.txt"
echo "done=$(date +%s)" >>"$out/info.txt"
cd "$out" || exit 1
set -- info.txt who.txt answers.txt errors.txt
sha256sum "$@" >digest.txt 2>/dev/null ||
  openssl dgst -sha256 -r "$@" >digest.txt 2>/dev/null ||
  busybox sha256sum "$@" >digest.txt 2>/dev/null ||
  rm -f digest.txt
if [ ! -s digest.txt ]; then
  printf '  这台计算机没有 sha256sum、openssl 或 busybox，采集结果不能使用，请改用手工登记 (no SHA-256).\n' >&2
  exit 1
fi
printf '\n  采集完成。请把优盘交还检查人员，不要改动文件夹 (done, please return the stick):\n  %s\n\n' "$out"
