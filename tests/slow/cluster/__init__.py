"""What the slow tests are made of: a real control plane, real DNS, pods that are addresses, and load through remora."""
# SPDX-License-Identifier: Apache-2.0
