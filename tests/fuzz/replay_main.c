// Stand-alone main for fuzz targets: runs the target once on each file of the named files and directories, so that
// CTest replays corpora with any compiler. A directory that does not exist holds nothing; a file that cannot be read is
// an error.
// SPDX-License-Identifier: Apache-2.0

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long replay_count;

static int replay_file(const char *path, size_t size)
{
    // Exactly the input's size, on the heap: the sanitizers then see a read past its end.
    uint8_t *data = malloc(size > 0 ? size : 1);
    FILE *file = fopen(path, "rb");
    int rc = -1;

    if (data && file && fread(data, 1, size, file) == size) {
        LLVMFuzzerTestOneInput(data, size);
        replay_count++;
        rc = 0;
    } else {
        perror(path);
    }
    if (file)
        fclose(file);
    free(data);
    return rc;
}

static int replay_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        if (errno == ENOENT)
            return 0;
        perror(path);
        return -1;
    }
    if (!S_ISDIR(st.st_mode))
        return replay_file(path, (size_t)st.st_size);

    DIR *dir = opendir(path);
    if (!dir) {
        perror(path);
        return -1;
    }
    int rc = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char child[4096];
        if (entry->d_name[0] == '.')
            continue;
        int len = snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
        if (len < 0 || (size_t)len >= sizeof(child) || replay_path(child) < 0)
            rc = -1;
    }
    closedir(dir);
    return rc;
}

int main(int argc, char **argv)
{
    int rc = 0;
    for (int i = 1; i < argc; i++) {
        if (replay_path(argv[i]) < 0)
            rc = 1;
    }
    printf("%lu inputs replayed\n", replay_count);
    if (replay_count == 0) {
        fprintf(stderr, "no input found: the corpus is missing\n");
        rc = 1;
    }
    return rc;
}
