"""What the integration tests are made of: remora as a process, scripted peers on both of its sides, raw bytes."""
# SPDX-License-Identifier: Apache-2.0
