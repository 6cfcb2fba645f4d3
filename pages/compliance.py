"""compliance"""
import streamlit as st
st.write("compliance")
