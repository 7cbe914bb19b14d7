/* A qemu plugin that counts the instructions of the emulated program: -plugin libcount.so,out=FILE
 *
 * Only what of qemu's plugin interface (version 1) is needed is declared here; one thread is assumed.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct qemu_plugin_tb;
enum { ADD_U64 = 0 };
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*translated)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int what, void *counter, uint64_t by);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*ended)(uint64_t, void *), void *with);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);

int qemu_plugin_version = 1;
static uint64_t executed;
static char path[4096];

static void translated(uint64_t id, struct qemu_plugin_tb *block) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &executed, qemu_plugin_tb_n_insns(block));
}

static void ended(uint64_t id, void *with) {
  (void)id, (void)with;
  FILE *out = fopen(path, "w");
  if (out == NULL) return;
  fprintf(out, "%" PRIu64 "\n", executed);
  fclose(out);
}

int qemu_plugin_install(uint64_t id, const void *of, int count, char **arguments) {
  (void)of;
  if (count != 1 || strncmp(arguments[0], "out=", 4) != 0 || strlen(arguments[0]) >= sizeof path) return -1;
  strcpy(path, arguments[0] + 4);
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, ended, NULL);
  return 0;
}
