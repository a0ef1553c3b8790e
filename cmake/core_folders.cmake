# The folders of include/headcount that need the standard library only: headcount::headcount, the single header, the module.
set(headcount_core_folders core part score select mask edit policy sentence kernel record)
